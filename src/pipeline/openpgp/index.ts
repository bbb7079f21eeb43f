/**
 * OpenPGP as walvault uses it: keys, encrypted and signed messages, detached signatures. Everything that is written here
 * can be read by gpg 2.2 and newer.
 */
export {
  createDecryptor,
  type DecryptionRun,
  type Decryptor,
  type DecryptorOptions,
  type ReadingOptions,
} from './message/decryptor.ts';
export { signDetached, verifyDetached } from './sign/detached.ts';
export { createEncryptor, type EncryptionRun, type Encryptor, type EncryptTo } from './message/encryptor.ts';
export { generateKeyPair, type KeyPair } from './keys/generate.ts';
export {
  publicKeyFingerprint,
  readPrivateKeys,
  readPublicKeys,
  type PrivateKey,
  type PublicKey,
} from './keys/keys.ts';
export { createSigner, type Signer } from './sign/signer.ts';
export { combineVerdicts, type SignatureVerdict } from './sign/verdict.ts';
