/** Opens the repositories of a configuration. Only here do settings, stores and the repository format meet. */
import { WalvaultError } from '../base/errors/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Config, RepositoryConfig } from '../config/index.ts';
import { Codec } from '../repository/encoding/codec.ts';
import { Keyring, type KeySettings } from '../repository/encoding/keyring.ts';
import type { Repository } from '../repository/repository.ts';
import { newStoreCounters, type StoreCounters } from '../stores/decorators/counting-store.ts';
import type { StoreLimits } from '../stores/decorators/decorate-store.ts';
import { RateLimiter } from '../stores/decorators/rate-limiter.ts';
import { openStore, type StoreSettings } from '../stores/open.ts';
import type { Store } from '../stores/store.ts';
import { createUnopenedStore } from '../stores/driver-kit/unopened-store.ts';
import type { Log } from '../observe/events/events.ts';

export interface OpenRepositories extends AsyncDisposable {
  /** In the order of the configuration. Calls to a repository that could not be opened fail with the reason. */
  readonly repositories: readonly Repository[];
  /** Traffic of each repository so far. */
  traffic(): RepositoryTraffic[];
  /** Traffic since the last call of this method: a thread reports it, and another one adds it to its own. */
  takeTraffic(): RepositoryTraffic[];
  addTraffic(traffic: readonly RepositoryTraffic[]): void;
}

export interface RepositoryTraffic extends Readonly<StoreCounters> {
  readonly repository: string;
}

/** @throws WalvaultError `config` when no repository can be opened: bad URLs, a missing CA file */
export async function openRepositories(config: Config, log: Log): Promise<OpenRepositories> {
  const codec = new Codec(
    new Keyring(keySettings(config)),
    { compressionLevel: config.compressionLevel, verifySignatures: config.signing.verify },
    log,
  );
  const rates = rateLimits(config);
  const opened = await Promise.all(
    config.repositories.map(async settings => {
      const counters = newStoreCounters();
      const limits = { ...rates, maxRequests: config.store.maxRequests, counters };
      const { store, problem } = await openOrExplain(settings, config, limits);
      const { name, required, id: expectedId } = settings;
      const repository: Repository = { name, required, expectedId, store, codec };
      return { repository, counters, problem };
    }),
  );
  for (const { name, url, verifyTls } of config.repositories)
    if (!verifyTls && !url.startsWith('file:')) log.emit({ kind: 'tls-not-verified', repository: name });
  // A repository that cannot be opened fails alone; the others still receive their files.
  const [first] = opened;
  if (first?.problem !== undefined && opened.every(({ problem }) => problem !== undefined))
    throw first.problem;
  const traffic = () =>
    opened.map(({ repository, counters }) => ({ repository: repository.name, ...counters }));
  return {
    repositories: opened.map(({ repository }) => repository),
    traffic,
    takeTraffic() {
      const taken = traffic();
      for (const { counters } of opened) Object.assign(counters, newStoreCounters());
      return taken;
    },
    addTraffic(added) {
      for (const { repository, counters } of opened)
        addTo(
          counters,
          added.filter(each => each.repository === repository.name),
        );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(({ repository }) => repository.store.close()));
      for (const one of traffic()) log.emit({ kind: 'repository-traffic', ...one });
    },
  };
}

function addTo(counters: StoreCounters, added: readonly Readonly<StoreCounters>[]): void {
  for (const { requests, failed, sentBytes, receivedBytes } of added) {
    counters.requests += requests;
    counters.failed += failed;
    counters.sentBytes += sentBytes;
    counters.receivedBytes += receivedBytes;
  }
}

async function openOrExplain(
  settings: RepositoryConfig,
  config: Config,
  limits: StoreLimits,
): Promise<{ readonly store: Store; readonly problem?: WalvaultError }> {
  try {
    return { store: await openStore({ ...(await storeSettings(settings, config)), limits }) };
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    return { store: createUnopenedStore(settings.url, error), problem: error };
  }
}

/** One limiter for all repositories, because they share the host's line. */
function rateLimits({ store }: Config): Pick<StoreLimits, 'upload' | 'download'> {
  const { uploadBytesPerSecond: up, downloadBytesPerSecond: down } = store;
  return {
    ...(up !== undefined && { upload: new RateLimiter(up) }),
    ...(down !== undefined && { download: new RateLimiter(down) }),
  };
}

function keySettings({ encryption, signing }: Config): KeySettings {
  return {
    mode: encryption.mode,
    walRecipients: encryption.walRecipients,
    backupRecipients: encryption.backupRecipients,
    passphrases: encryption.passphrases,
    privateKeys: encryption.privateKeys,
    privateKeyPassphrases: encryption.privateKeyPassphrases,
    hostSecret: encryption.hostSecret,
    signingKey: signing.key,
    signingPassphrase: signing.passphrase,
    trustedSigners: signing.trustedSigners,
  };
}

/** The settings of one store, with its secrets read; `init` uses them, too. @throws WalvaultError `config` */
export async function storeSettings(
  repository: RepositoryConfig,
  config: Pick<Config, 'store'>,
): Promise<StoreSettings> {
  const {
    name: _name,
    id: _id,
    required: _required,
    retention: _retention,
    standbyOnly: _standbyOnly,
    pricePerGib: _price,
    ...store
  } = repository;
  const secrets = await Promise.all(
    secretFields.map(async field => [field, await store[field]?.read()] as const),
  );
  return {
    ...store,
    ...(Object.fromEntries(secrets) as Record<(typeof secretFields)[number], Secret | undefined>),
    timeoutMs: config.store.requestTimeoutMs,
  };
}

const secretFields = [
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'customerKey',
  'accountKey',
  'sasToken',
  'connectionString',
] as const satisfies (keyof RepositoryConfig)[];
