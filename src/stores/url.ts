/** The rules for repository URLs that all drivers share, and the directory of a `file:` URL. */
import { fileURLToPath } from 'node:url';
import { WalvaultError } from '../base/errors/errors.ts';
import { hideUrlPasswords } from '../base/url-passwords.ts';

const protocols = ['file:', 's3:', 'gs:', 'azure:'] as const;
export type Protocol = (typeof protocols)[number];

export interface RepositoryUrl {
  readonly url: URL;
  readonly protocol: Protocol;
}

/** @throws WalvaultError `config` for a URL that no driver understands, or that holds credentials (they are not shown) */
export function parseUrl(text: string): RepositoryUrl {
  if (text.startsWith('/')) throw badUrl(text, 'has no scheme', `Write a directory as file://${text}.`);
  const url = URL.parse(text);
  if (url === null) throw badUrl(text, 'is not a URL', exampleUrls);
  if (url.username !== '' || url.password !== '')
    throw badUrl(
      withoutCredentials(url),
      'holds credentials',
      'Set the credentials of the repository instead: a URL is shown in messages and process lists.',
    );
  const protocol = protocols.find(protocol => protocol === url.protocol);
  if (protocol === undefined)
    throw badUrl(text, `has the unknown scheme ${url.protocol.slice(0, -1)}`, exampleUrls);
  // A URL parser resolves such parts silently, and the store would be somewhere else than written.
  if (/\/\.\.?(\/|\?|$)/.test(text)) throw badUrl(text, 'has a "." or ".." part', 'Write the path out.');
  if (url.hash !== '') throw badUrl(text, 'has a fragment (#…)', 'Write # as %23.');
  return { url, protocol };
}

/** The directory behind a `file:` URL, for `init`, which may create it. Undefined for every other kind of URL. */
export function directoryOfUrl(url: string): string | undefined {
  const parsed = parseUrl(url);
  return parsed.protocol === 'file:' ? directoryOf(parsed.url) : undefined;
}

/** The directory that a `file:` URL names. @throws WalvaultError `config` */
export function directoryOf(url: URL): string {
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

export const exampleUrls =
  'Write it as file:///var/lib/walvault, s3://bucket/prefix?region=eu-central-1, gs://bucket/prefix or azure://account/container/prefix.';

export function badUrl(url: string, problem: string, hint: string): WalvaultError {
  return new WalvaultError('config', `the repository URL ${hideUrlPasswords(url)} ${problem}`, { hint });
}

function withoutCredentials(url: URL): string {
  const clean = new URL(url);
  clean.username = '';
  clean.password = '';
  return clean.href;
}
