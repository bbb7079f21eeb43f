/**
 * What root refuses of a configuration that somebody else may change: he would have root open, write and send what only
 * root can. Files, directories and logs must be his own, so that he gains nothing; secrets are refused where they are
 * read (secret-source.ts).
 */
import { stat } from 'node:fs/promises';
import { WalvaultError } from '../base/errors/errors.ts';
import { findReplacer, isHisOwn, letRootOwnIt } from '../base/files/outsider.ts';
import type { Config } from './config.ts';
import type { RawValue } from './raw-value.ts';
import type { MergedRepository } from './repositories.ts';

/** The configuration with who chose the places where root would work. */
export function noteWhoChose(
  config: Config,
  raw: ReadonlyMap<string, RawValue>,
  repositories: readonly MergedRepository[],
): Config {
  const fileChosenBy = raw.get('log.file')?.outsider;
  const named = new Map(repositories.map(({ name, fields }) => [name, fields.get('url')?.outsider]));
  return {
    ...config,
    log: { ...config.log, ...(fileChosenBy && { fileChosenBy }) },
    repositories: config.repositories.map(repository => {
      const chosenBy = named.get(repository.name);
      return chosenBy === undefined ? repository : { ...repository, chosenBy };
    }),
  };
}

/**
 * Key files that an outsider named, or could replace, and credentials that he could have sent to a place of his own.
 * @throws WalvaultError `config`
 */
export async function refuseWhatOthersChose(
  secretFiles: readonly { readonly path: string; readonly raw: RawValue }[],
  repositories: readonly MergedRepository[],
): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  for (const { path, raw } of secretFiles) await refuseForeignFile(path, raw);
  for (const { fields } of repositories) {
    const credentials = fields.get('credentials-file');
    if (credentials?.outsider !== undefined)
      throw refused(credentials, 'root takes no credentials from', credentials.outsider.because);
    const url = fields.get('url');
    if (url?.outsider !== undefined && sendsToken(String(url.value)))
      throw refused(url, 'root sends no token to an endpoint from', url.outsider.because);
  }
}

async function refuseForeignFile(path: string, raw: RawValue): Promise<void> {
  const outsider = raw.outsider ?? (await findReplacer(path));
  if (outsider === undefined) return;
  const found = await stat(path).catch(() => undefined);
  // A file that is not there fails where it is needed.
  if (found === undefined || isHisOwn(outsider, found)) return;
  throw new WalvaultError(
    'config',
    `${raw.label}: root does not read ${path} of user ${found.uid}, which another may name or replace: ${outsider.because}`,
    { hint: letRootOwnIt },
  );
}

/** A bearer token can be used by whoever receives it; a signature of S3 cannot. */
function sendsToken(url: string): boolean {
  return /^(gs|azure):/.test(url) && URL.parse(url)?.searchParams.has('endpoint') === true;
}

function refused({ label }: RawValue, what: string, because: string): WalvaultError {
  return new WalvaultError(
    'config',
    `${label}: ${what} a configuration that another may change: ${because}`,
    {
      hint: letRootOwnIt,
    },
  );
}
