/**
 * Passwords in URLs, `//user:password@host`: also in what is no URL because of a character in the password, and in a URL
 * that is itself a parameter, percent-encoded.
 */
const urlPassword = /((?::\/\/|%3A%2F%2F)[^\s?&/%:@]*(?::|%3A))[^\s?&]+(@|%40)/gi;

export function hideUrlPasswords(text: string): string {
  return text.replaceAll(urlPassword, '$1***$2');
}
