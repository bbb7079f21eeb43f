/** Makes key pairs that gpg 2.2 and newer can read. */
import type { Secret } from '../../../base/secret.ts';
import { fingerprintOf } from './keys.ts';
import { loadOpenpgp } from '../library.ts';

export interface KeyPair {
  readonly publicArmored: string;
  readonly privateArmored: string;
  /** 40 upper-case hex digits. */
  readonly fingerprint: string;
}

/**
 * Version 4 keys on Curve25519 that never expire and announce only the integrity protection of RFC 4880: gpg 2.2 cannot
 * read messages to a newer kind of key, or to a key that announces AEAD. `sign`: a signing key alone;
 * `encrypt`: the same with an encryption subkey. Without a passphrase the private key is stored unencrypted.
 */
export async function generateKeyPair(options: {
  userId: string;
  passphrase?: Secret;
  use: 'encrypt' | 'sign';
}): Promise<KeyPair> {
  const openpgp = await loadOpenpgp();
  const made = await openpgp.generateKey({
    type: 'ecc',
    curve: options.use === 'sign' ? 'ed25519Legacy' : 'curve25519Legacy',
    userIDs: [{ name: options.userId }],
    subkeys: options.use === 'sign' ? [] : [{}],
    format: 'object',
    config: { aeadProtect: false, v6Keys: false },
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase.reveal() }),
  });
  return {
    publicArmored: made.publicKey.armor(),
    privateArmored: made.privateKey.armor(),
    fingerprint: fingerprintOf(made.publicKey),
  };
}
