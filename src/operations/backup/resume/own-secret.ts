/** The host's own secret, and what tells the keys of one backup from those of another. */
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { HostSecret } from '../../../repository/encoding/host-secret.ts';
import type { Keyring } from '../../../repository/encoding/keyring.ts';

export interface OwnSecret {
  readonly secret: HostSecret;
  /** Differs when recipients, passphrase or signing key do: a backup has one set of keys. */
  readonly keys: string;
}

/** Undefined where the host has no usable secret: its backup is taken all the same, and cannot be gone on with. */
export async function ownSecret(keyring: Keyring, log: Log): Promise<OwnSecret | undefined> {
  try {
    const secret = await keyring.hostSecret();
    if (secret === undefined) log.emit({ kind: 'host-secret-missing' });
    return secret && { secret, keys: secret.markOf(await describeKeys(keyring)) };
  } catch (error) {
    log.emit({ kind: 'host-secret-unusable', failure: toPlainError(error) });
    return undefined;
  }
}

async function describeKeys(keyring: Keyring): Promise<string> {
  const { mode, passphrases } = keyring.settings;
  const recipients = mode === 'openpgp' ? await keyring.recipients('backup') : [];
  const passphrase = mode === 'passphrase' ? await passphrases[0]?.read() : undefined;
  return JSON.stringify({
    mode,
    recipients: recipients.map(({ fingerprint }) => fingerprint).sort(),
    passphrase: passphrase?.reveal(),
    signer: (await keyring.signer())?.fingerprint,
  });
}
