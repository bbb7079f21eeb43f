/**
 * Hides passwords in URLs, also where a character in the password makes the URL invalid, and in a percent-encoded URL that
 * is a parameter of another one: `//user:password@host`.
 */
const urlPassword = /((?::\/\/|%3A%2F%2F)[^\s?&/%:@]*(?::|%3A))[^\s?&]+(@|%40)/gi;

export function hideUrlPasswords(text: string): string {
  return text.replaceAll(urlPassword, '$1***$2');
}
