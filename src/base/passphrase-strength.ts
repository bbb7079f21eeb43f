/** Whether a passphrase alone can keep an archive closed to somebody who has all of it, and all the time to guess. */

/** The least of a secret that stands alone (NIST SP 800-63B-4, "Password Verifiers"). */
const leastLength = 15;
const leastCharacters = 6;

/** Why the passphrase is too weak, behind its name; undefined if it is not. The reason shows nothing of it. */
export function passphraseWeakness(passphrase: string): string | undefined {
  if (passphrase.length < leastLength) return `has less than ${leastLength} characters`;
  if (new Set(passphrase).size < leastCharacters)
    return `has less than ${leastCharacters} different characters`;
  return /^(.+?)\1+$/s.test(passphrase) ? 'repeats itself' : undefined;
}
