/** The codec with which check opens objects. */
import { Codec } from '../../repository/encoding/codec.ts';
import { Keyring } from '../../repository/encoding/keyring.ts';
import type { CheckOptions } from './options.ts';

/**
 * Makes the codec from the private key on the command line alone, so that no other key can have opened the objects.
 * Without it, the configuration's keys serve. Undefined if there is no key.
 */
export function readerCodec({ repositories, privateKey, config, log }: CheckOptions): Codec | undefined {
  const [repository] = repositories;
  if (repository === undefined) return undefined;
  const { settings } = repository.codec.keyring;
  const policy = { compressionLevel: config.compressionLevel, verifySignatures: config.signing.verify };
  if (privateKey !== undefined) {
    const keys = {
      ...settings,
      privateKeys: [privateKey.path],
      privateKeyPassphrases: privateKey.passphrase === undefined ? [] : [privateKey.passphrase],
      passphrases: [],
    };
    return new Codec(new Keyring(keys), policy, log);
  }
  const canOpen = settings.mode !== 'openpgp' || settings.privateKeys.length > 0;
  return canOpen ? repository.codec : undefined;
}
