/** The details of `file:///path` URLs. */
import { fileURLToPath } from 'node:url';
import { WalvaultError } from '../../base/errors/errors.ts';
import { badUrl, exampleUrls } from '../url.ts';

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
