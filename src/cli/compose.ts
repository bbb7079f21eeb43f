/** Opens what a configuration names. The only place where settings, stores and the repository format meet. */
import { warn, type Log } from '../base/log.ts';
import { messageOf, WalvaultError } from '../base/errors.ts';
import type { Config, RepositoryConfig } from '../config/index.ts';
import { Codec } from '../repository/codec.ts';
import { Keyring, type KeySettings } from '../repository/keyring.ts';
import type { Repository } from '../repository/repository.ts';
import { openStore, type StoreSettings } from '../stores/open.ts';

export interface OpenRepositories extends AsyncDisposable {
  /** In the order of the configuration; a best-effort one that cannot be opened is left out with a warning. */
  readonly repositories: readonly Repository[];
}

/** @throws WalvaultError `config` for a bad URL of a required repository */
export async function openRepositories(config: Config, log: Log): Promise<OpenRepositories> {
  const codec = new Codec(
    new Keyring(keySettings(config)),
    { compressionLevel: config.compressionLevel, verifySignatures: config.signing.verify },
    log,
  );
  const repositories: Repository[] = [];
  for (const settings of config.repositories) {
    try {
      const store = await openStore(storeSettings(settings, config));
      repositories.push({
        name: settings.name,
        required: settings.required,
        expectedId: settings.id,
        store,
        codec,
      });
    } catch (error) {
      if (settings.required || !(error instanceof WalvaultError)) throw error;
      warn(log, `repository "${settings.name}" left out: ${messageOf(error)}`);
    }
  }
  return {
    repositories,
    async [Symbol.asyncDispose]() {
      await Promise.all(repositories.map(repository => repository.store.close()));
    },
  };
}

function keySettings({ encryption, signing }: Config): KeySettings {
  return {
    mode: encryption.mode,
    walRecipients: encryption.walRecipients,
    backupRecipients: encryption.backupRecipients,
    passphrase: encryption.passphrase,
    privateKeys: encryption.privateKeys,
    privateKeyPassphrase: encryption.privateKeyPassphrase,
    signingKey: signing.key,
    signingPassphrase: signing.passphrase,
    trustedSigners: signing.trustedSigners,
  };
}

/** Also what `init` opens a store by. */
export function storeSettings(repository: RepositoryConfig, config: Pick<Config, 'store'>): StoreSettings {
  const { name: _name, id: _id, required: _required, ...store } = repository;
  return { ...store, timeoutMs: config.store.requestTimeoutMs };
}
