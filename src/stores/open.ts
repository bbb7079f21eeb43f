/**
 * From a repository's URL to its store. The only place that knows all drivers; each is loaded when a URL asks for it,
 * so that a push into a directory never loads an SDK.
 */
import { fileURLToPath } from 'node:url';
import { WalvaultError } from '../base/errors/errors.ts';
import { azureOptionsOf } from './azure/url.ts';
import { decorateStore, type StoreLimits } from './decorators/decorate-store.ts';
import type { DriverSettings } from './driver-kit/driver-settings.ts';
import { gcsOptionsOf } from './gcs/url.ts';
import { s3OptionsOf } from './s3/url.ts';
import type { Store } from './store.ts';
import { badUrl, exampleUrls, parseUrl } from './url.ts';

export interface StoreSettings extends DriverSettings {
  /** What is limited and counted above the driver. */
  readonly limits?: StoreLimits | undefined;
}

/**
 * Opens no connection and touches no disk: a wrong address shows at the first call.
 * @throws WalvaultError `config` with a hint on a bad URL
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const { timeoutMs, limits } = settings;
  const isDirectory = parseUrl(settings.url).protocol === 'file:';
  const facts = { timeoutMs, watchesItsUploads: !isDirectory, holdsThreads: isDirectory };
  return decorateStore(await openDriver(settings), facts, limits);
}

async function openDriver(settings: DriverSettings): Promise<Store> {
  const url = parseUrl(settings.url);
  if (url.protocol === 'file:') {
    const { createFsStore } = await import('./fs/store.ts');
    return createFsStore({ root: directoryOf(url) });
  }
  switch (url.protocol) {
    case 'gs:': {
      const options = gcsOptionsOf(url, settings);
      const { createGcsStore } = await import('./gcs/store.ts');
      return await createGcsStore(options);
    }
    case 'azure:': {
      const options = azureOptionsOf(url, settings);
      const { createAzureStore } = await import('./azure/store.ts');
      return await createAzureStore(options);
    }
    default: {
      const options = s3OptionsOf(url, settings);
      const { createS3Store } = await import('./s3/store.ts');
      return await createS3Store(options);
    }
  }
}

/** The directory behind a `file:` URL, for `init`, which may create it. Undefined for every other kind of URL. */
export function directoryOfUrl(url: string): string | undefined {
  const parsed = parseUrl(url);
  return parsed.protocol === 'file:' ? directoryOf(parsed) : undefined;
}

function directoryOf(url: URL): string {
  if (url.host !== '' || url.search !== '' || url.pathname === '')
    throw badUrl(
      url.href,
      'is not the URL of a local directory',
      'Write it with three slashes, as file:///var/lib/walvault.',
    );
  if (url.pathname === '/') throw badUrl(url.href, 'names the root directory', exampleUrls);
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new WalvaultError('config', `the repository URL ${url.href} is not the URL of a local directory`, {
      cause: error,
      hint: exampleUrls,
    });
  }
}
