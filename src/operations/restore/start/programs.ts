/** The `pg_ctl` of the right major version. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { installedPgCtl } from '../copy-settings/start-command.ts';

export interface ProgramSearch {
  readonly postgresMajor: number;
  /** The directory that has the programs; undefined: where they are usually installed, then PATH. */
  readonly pgBin: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/**
 * The path of a `pg_ctl` that runs and is of this version.
 * @throws WalvaultError `postgres`
 */
export async function findPgCtl({ postgresMajor, pgBin, env, signal }: ProgramSearch): Promise<string> {
  const candidates =
    pgBin !== undefined
      ? [join(pgBin, 'pg_ctl')]
      : [...installedPgCtl(postgresMajor), ...inPath(env)].filter(path => existsSync(path));
  const found: string[] = [];
  for (const path of candidates) {
    const version = await versionOf(path, signal);
    if (version?.major === postgresMajor) return path;
    found.push(`${path} ${version === undefined ? 'does not run' : `is of ${version.text}`}`);
  }
  throw new WalvaultError(
    'postgres',
    `there is no pg_ctl of PostgreSQL ${postgresMajor} to start the restored server with${found.length === 0 ? '' : `: ${found.join(', ')}`}`,
    {
      hint: `Name the directory of its programs with --pg-bin, or leave out --start. Nothing was written.`,
    },
  );
}

function inPath({ PATH = '' }: NodeJS.ProcessEnv): string[] {
  return PATH.split(delimiter)
    .filter(directory => directory.startsWith('/'))
    .map(directory => join(directory, 'pg_ctl'));
}

const answersWithinMs = 10_000;

/** `pg_ctl (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)`; `17beta1` is of 17, too. */
async function versionOf(
  path: string,
  signal: AbortSignal,
): Promise<{ major: number; text: string } | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: answersWithinMs, signal });
    const match = /\(PostgreSQL\) (\d+)(\S*)/.exec(stdout);
    return match === null ? undefined : { major: Number(match[1]), text: `${match[1]}${match[2]}` };
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
