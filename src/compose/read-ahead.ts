/** Secrets that a resident process reads once for all its threads. */
import type { Config } from '../config/index.ts';
import { storeSettings } from './open-repositories.ts';

/**
 * Reads the secrets of every repository, and those for writing where they can be read: a host that only restores has
 * none of the latter. What only reading the archive needs is left alone.
 * @throws WalvaultError `config` for a repository's secret
 */
export async function readSecretsAhead(config: Config): Promise<void> {
  const { encryption, signing, repositories } = config;
  await Promise.all(repositories.map(repository => storeSettings(repository, config)));
  const [first] = encryption.mode === 'passphrase' ? encryption.passphrases : [];
  await Promise.allSettled([first?.read(), signing.passphrase?.read()]);
}
