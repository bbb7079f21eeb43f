/**
 * OpenPGP as walvault uses it: keys, encrypted and signed messages, detached signatures. Everything written here is
 * read by gpg 2.2 and newer.
 */
export { createDecryptor, type DecryptionRun, type Decryptor, type DecryptorOptions } from './decryptor.ts';
export { signDetached, verifyDetached } from './detached.ts';
export { createEncryptor, type EncryptionRun, type Encryptor, type EncryptTo } from './encryptor.ts';
export { generateKeyPair, type KeyPair } from './generate.ts';
export {
  publicKeyFingerprint,
  readPrivateKeys,
  readPublicKeys,
  type PrivateKey,
  type PublicKey,
} from './keys.ts';
export { createSigner, type Signer } from './signer.ts';
export type { SignatureVerdict } from './verdict.ts';
