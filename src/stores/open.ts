/**
 * Opens the store of a repository's URL. Only this file knows all drivers; each is loaded when a URL needs it, so that
 * a push into a directory never loads an SDK.
 */
import { azureOptionsOf } from './azure/url.ts';
import { decorateStore, type StoreLimits } from './decorators/decorate-store.ts';
import type { DriverSettings } from './driver-kit/driver-settings.ts';
import { gcsOptionsOf } from './gcs/url.ts';
import { s3OptionsOf } from './s3/url.ts';
import { StoreError, type Store } from './store.ts';
import { directoryOf, parseUrl, type Protocol } from './url.ts';

export interface StoreSettings extends DriverSettings {
  /** Limits and counters above the driver. */
  readonly limits?: StoreLimits | undefined;
}

/**
 * Opens no connection and touches no disk: the first call reports a wrong address.
 * @throws WalvaultError `config` with a hint on a bad URL; StoreError `no-container` for the past of a store without versions
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const { timeoutMs, limits } = settings;
  const { url, protocol } = parseUrl(settings.url);
  if (settings.readAtMs !== undefined && protocol !== 's3:') throw withoutPast(url, settings.readAtMs);
  const isDirectory = protocol === 'file:';
  const facts = { timeoutMs, watchesItsUploads: !isDirectory, holdsThreads: isDirectory };
  return decorateStore(await openDriver[protocol](url, settings), facts, limits);
}

/** The code lets a restore try the next repository. */
function withoutPast(url: URL, readAtMs: number): StoreError {
  const at = new Date(readAtMs).toISOString();
  return new StoreError(
    'no-container',
    `${url.href}: cannot be read as it was at ${at}: only S3 buckets with versions can`,
    {
      hint: 'Choose a repository in such a bucket with --repository, or leave --repository-time out.',
    },
  );
}

const openDriver: Readonly<Record<Protocol, (url: URL, settings: DriverSettings) => Promise<Store>>> = {
  async 'file:'(url, { chosenBy }) {
    const root = directoryOf(url);
    const { createFsStore } = await import('./fs/store.ts');
    return createFsStore({ root, chosenBy });
  },
  async 's3:'(url, settings) {
    const options = s3OptionsOf(url, settings);
    const { createS3Store } = await import('./s3/store.ts');
    return await createS3Store(options);
  },
  async 'gs:'(url, settings) {
    const options = gcsOptionsOf(url, settings);
    const { createGcsStore } = await import('./gcs/store.ts');
    return await createGcsStore(options);
  },
  async 'azure:'(url, settings) {
    const options = azureOptionsOf(url, settings);
    const { createAzureStore } = await import('./azure/store.ts');
    return await createAzureStore(options);
  },
};
