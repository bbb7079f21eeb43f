/**
 * One installation for many seeds: a configuration of root's, as a packager leaves it in /etc, a directory repository of
 * the ordinary user with two backups in it, a data directory of the same system, and root's own things outside.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { readControlFile } from '../../../../src/postgres/cluster/control-file.ts';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { systemPrefix } from '../../../../src/repository/format/layout.ts';
import { copyDirectory } from '../../site/copy-directory.ts';
import { archivedSegments, backUp } from '../../site/cycle.ts';
import type { Environment } from '../../site/run.ts';
import { archiveEverything, coldCopy, commitRows, createSite, type Site } from '../../site/site.ts';
import { temporaryDirectory } from '../../site/temp.ts';
import type { Account } from '../../site/unprivileged.ts';
import { patience } from '../pusher.ts';
import { makeOutside } from './outside.ts';

export interface Ground {
  readonly site: Site;
  readonly user: Account;
  readonly systemId: bigint;
  /** `orders/<system identifier>/`. */
  readonly prefix: string;
  readonly repositoryPath: string;
  /** A second repository of the user's, the target of copies. */
  readonly offsitePath: string;
  /** Root's things. */
  readonly outsidePath: string;
  /** The user's own place, on the same file system as the repository. */
  readonly parkedPath: string;
  readonly logDirectory: string;
  /** Over the site's own. */
  readonly env: Environment;
  /** Over both, for verbs that are to see the second repository. */
  readonly offsiteEnv: Environment;
  /** As at the beginning of each seed. */
  readonly saved: { readonly repository: string; readonly offsite: string; readonly dataDirectory: string };
  /** The first segment that is not archived at the beginning of each seed. */
  readonly firstNumber: bigint;
}

export const geometry = new WalGeometry(1024 ** 2);

export async function prepareGround(user: Account): Promise<Ground> {
  const site = await createSite();
  const { directory, repositoryPath } = site;
  const places = {
    offsitePath: join(directory, 'offsite'),
    outsidePath: join(directory, 'outside'),
    parkedPath: join(directory, 'parked'),
    logDirectory: join(directory, 'log'),
  };
  for (const path of [places.offsitePath, places.parkedPath, places.logDirectory]) makeOf(user, path);
  const env = {
    ...patience,
    WALVAULT_BACKUP_WAL_TIMEOUT: '30s',
    WALVAULT_LOG_FILE: join(places.logDirectory, 'walvault.log'),
  };
  const offsiteEnv = {
    WALVAULT_REPOSITORY_OFFSITE_URL: `file://${places.offsitePath}`,
    WALVAULT_REPOSITORY_OFFSITE_REQUIRED: 'off',
  };
  const init = await site.walvault(['init', '--existing-config'], { env: { ...env, ...offsiteEnv } });
  if (init.exitCode !== 0) throw new Error(init.stderr);
  const offsite = savedCopy(places.offsitePath);
  const dataDirectory = await archiveTwice(site);
  const repository = savedCopy(repositoryPath);
  // The directory around it is root's, as /etc and /srv are: the user may write into what is his.
  chownSync(directory, 0, 0);
  chmodSync(directory, 0o755);
  chownSync(site.configPath, 0, 0);
  chmodSync(site.configPath, 0o644);
  const { systemId } = await readControlFile(dataDirectory, new AbortController().signal);
  const last = archivedSegments(site).at(-1)?.slice(-24) ?? '';
  return {
    site,
    user,
    systemId,
    prefix: systemPrefix({ cluster: 'orders', systemId }),
    repositoryPath,
    ...places,
    env,
    offsiteEnv,
    saved: { repository, offsite, dataDirectory },
    firstNumber: BigInt(`0x${last.slice(16)}`) + 1n,
  };
}

/** Two backups, each with WAL behind it. Returns the stopped server's data directory. */
async function archiveTwice(site: Site): Promise<string> {
  await using origin = await site.startOrigin({ conf: { wal_keep_size: '64MB' } });
  for (const row of [1, 3]) {
    await commitRows(origin, row, row + 1);
    await backUp(site, origin);
  }
  await archiveEverything(origin);
  await origin.stop();
  await archiveTheRest(site, origin.dataDirectory);
  return coldCopy(origin, { withWal: true });
}

/** The last segment, which a stop of the server has finished. */
async function archiveTheRest(site: Site, dataDirectory: string): Promise<void> {
  const { exitCode, stderr } = await site.walvault(['push', '--missing'], { cwd: dataDirectory });
  if (exitCode !== 0) throw new Error(stderr);
}

function makeOf(user: Account, path: string): void {
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, user.uid, user.gid);
}

function savedCopy(path: string): string {
  const copy = join(temporaryDirectory('saved', { keepOwner: true }), 'copy');
  copyDirectory(path, copy);
  return copy;
}

/** Puts the repositories, the log and what lies outside back to what they were, the repositories for one account or for a group. */
export function resetRepositories(ground: Ground, isShared: boolean): void {
  rmSync(ground.outsidePath, { recursive: true, force: true });
  makeOutside(ground.outsidePath, ground.saved.repository);
  emptyDirectory(ground.parkedPath);
  emptyDirectory(ground.logDirectory);
  for (const [path, saved] of [
    [ground.repositoryPath, ground.saved.repository],
    [ground.offsitePath, ground.saved.offsite],
  ] as const) {
    rmSync(path, { recursive: true, force: true });
    copyDirectory(saved, path);
    if (isShared) share(path);
  }
}

/** As an administrator shares a repository with the user's group (docs/stores.md). */
function share(path: string): void {
  execFileSync('find', [path, '-type', 'd', '-exec', 'chmod', '2770', '{}', '+']);
  execFileSync('find', [path, '-type', 'f', '-exec', 'chmod', '0640', '{}', '+']);
}

function emptyDirectory(path: string): void {
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
}
