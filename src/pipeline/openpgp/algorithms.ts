/** The algorithm numbers of RFC 9580 §9 that walvault reads or writes. */

/** Hashes that a signature may use; signatures with a hash weaker than SHA-256 are not accepted. */
export const signatureHashes: ReadonlyMap<number, string> = new Map([
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
]);

/** Hashes that turn a passphrase into a key; SHA-1 is safe for this, and gpg's default. */
export const passphraseHashes: ReadonlyMap<number, string> = new Map([
  [2, 'sha1'],
  ...signatureHashes,
  [11, 'sha224'],
]);

export const sha256Number = 8;

export const aesKeyBytes: ReadonlyMap<number, number> = new Map([
  [7, 16],
  [8, 24],
  [9, 32],
]);

export const aes256Number = 9;

export const rsaNumber = 1;
export const eddsaLegacyNumber = 22;
export const ecdhNumber = 18;
/** The numbers of RSA for both uses, and of the old RSA for encryption alone. */
export const rsaEncryptionNumbers: ReadonlySet<number> = new Set([rsaNumber, 2]);
