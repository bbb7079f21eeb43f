/**
 * From a repository's URL to its store. The only place that knows all drivers; each is loaded when a URL asks for it,
 * so that a push into a directory never loads an SDK.
 */
import { fileURLToPath } from 'node:url';
import { WalvaultError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { createRetryingStore } from './decorators/retrying-store.ts';
import { s3OptionsOf } from './s3/s3-url.ts';
import type { Store } from './store.ts';
import { badUrl, exampleUrls, parseUrl } from './url.ts';

export interface StoreSettings {
  /** `file:///path` or `s3://bucket/prefix?region=…&endpoint=…&path-style=true`. */
  readonly url: string;
  readonly accessKeyId?: Secret | undefined;
  readonly secretAccessKey?: Secret | undefined;
  readonly sessionToken?: Secret | undefined;
  readonly caFile?: string | undefined;
  readonly verifyTls?: boolean | undefined;
  /** How long one request may go without an answer or a moving byte. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Opens no connection and touches no disk: a wrong address shows at the first call.
 * @throws WalvaultError `config` with a hint on a bad URL
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  return createRetryingStore(await openDriver(settings));
}

async function openDriver(settings: StoreSettings): Promise<Store> {
  const url = parseUrl(settings.url);
  if (url.protocol === 'file:') {
    const { createFsStore } = await import('./fs/fs-store.ts');
    return createFsStore({ root: directoryOf(url) });
  }
  const options = s3OptionsOf(url, settings);
  const { createS3Store } = await import('./s3/s3-store.ts');
  return await createS3Store(options);
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
