/** The refusal to write a note that nobody would believe. */
import { WalvaultError } from '../base/errors/errors.ts';
import type { Repository } from '../repository/repository.ts';

/** Where only trusted signers count, an unsigned note would change nothing. @throws WalvaultError `key` */
export async function requireBelievable({ codec, store }: Repository): Promise<void> {
  if (codec.removalPolicy !== 'require' || (await codec.keyring.signer()) !== undefined) return;
  throw new WalvaultError(
    'key',
    `${store.url}: only signed notes count, and no signing key is configured here`,
    {
      hint: 'Run it where signing.key is set, on the database host for example.',
    },
  );
}
