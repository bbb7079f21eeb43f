/**
 * The `pg_wal` of a directory that is restored again. It is moved aside, never deleted: it may have the only copy of what happened last.
 * It stays in the data directory, because only there it is certain to be on the same file system.
 */
import { lstat, opendir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import { fsyncDirectory } from '../../../base/files/durable.ts';
import { isThere } from '../../../base/files/is-there.ts';
import { walAsidePrefix } from '../../../postgres/cluster/backup-selection.ts';

/**
 * `nothing`: there is none. `empty`: directories only, as an interrupted restore leaves them. `link-to-empty`: the same behind a link.
 * `wal`: anything else.
 */
export type WalState = 'nothing' | 'empty' | 'link-to-empty' | 'wal';

/**
 * Looks at `pg_wal`, and changes nothing.
 * @throws WalvaultError `destination` for one that cannot be moved, `local-io`
 */
export async function stateOfWal(dataDirectory: string): Promise<WalState> {
  const path = join(dataDirectory, 'pg_wal');
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return (await isLinkToEmpty(path)) ? 'link-to-empty' : 'wal';
    if (!stats.isDirectory()) return 'wal';
    if (!(await holdsFiles(path))) return 'empty';
    if (stats.dev !== (await stat(dataDirectory)).dev)
      throw new WalvaultError('destination', `${path} is another file system, and cannot be moved aside`, {
        hint: 'Mount it elsewhere, so that its WAL is kept, and name a new directory for pg_wal with --waldir.',
      });
    return 'wal';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'nothing';
    throw localIoError('look at', path, error);
  }
}

/** Refuses a directory for pg_wal with a file in it. @throws WalvaultError `destination`, `local-io` */
export async function refuseFilled(path: string): Promise<void> {
  try {
    if (!(await holdsFiles(path))) return;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw localIoError('read directory', path, error);
  }
  throw new WalvaultError('destination', `${path} is not empty`, {
    hint: 'pg_wal goes into an empty or new directory; nothing in this one was touched.',
  });
}

/**
 * Moves `pg_wal` aside, durably. A link is moved itself, and what it leads to stays.
 * @returns its new path; undefined where there was no WAL
 * @throws WalvaultError `destination`, `local-io`
 */
export async function moveWalAside(dataDirectory: string, now: Date): Promise<string | undefined> {
  const path = join(dataDirectory, 'pg_wal');
  const state = await stateOfWal(dataDirectory);
  try {
    if (state === 'link-to-empty') await unlink(path);
    if (state !== 'wal') return undefined;
    const aside = await freeName(dataDirectory, now);
    await rename(path, aside);
    await fsyncDirectory(dataDirectory);
    return aside;
  } catch (error) {
    throw localIoError('move aside', path, error);
  }
}

/** `pg_wal.before-restore-20261122T100000Z`, or with a number behind it: rename(2) would replace an empty directory. */
async function freeName(dataDirectory: string, now: Date): Promise<string> {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number++) {
    const name = `${walAsidePrefix}${stamp}${number === 1 ? '' : `-${number}`}`;
    const path = join(dataDirectory, name);
    if (!(await isThere(path))) return path;
  }
}

/** False for a link that leads nowhere: its disk may be missing. */
async function isLinkToEmpty(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory() && !(await holdsFiles(path));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** True if anything but directories is in the tree. Links in it are not followed. */
async function holdsFiles(path: string): Promise<boolean> {
  for await (const entry of await opendir(path)) {
    if (!entry.isDirectory()) return true;
    if (await holdsFiles(join(path, entry.name))) return true;
  }
  return false;
}
