/**
 * Files and directories of a repository that its account cannot use, such as those that root made with an earlier
 * version. Reads the newest files of each directory, and no more directories than a limit, the upper ones first.
 */
import type { Dirent, Stats } from 'node:fs';
import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { heirOf, type Heir } from '../../base/files/heir.ts';
import { temporaryFileName } from '../driver-kit/key.ts';
import type { CallOptions, ClosedPath } from '../store.ts';
import { io, isMissing } from './error.ts';
import { lstatIfThere, statIfThere } from './stat-if-there.ts';

const mostDirectories = 1000;
const newestFiles = 8;

/**
 * Below `key` and on the way to it. The account is that of this process; for root, which may use everything, the owner
 * of the upper directories. Root finds nothing where these are its own. @throws StoreError
 */
export async function findClosed(
  root: string,
  key: string,
  { signal }: CallOptions,
): Promise<ClosedPath | undefined> {
  let account: Heir | undefined;
  const parts = key.split('/');
  const waiting = ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))].map(part =>
    join(root, part),
  );
  for (let at = 0; at < Math.min(waiting.length, mostDirectories); at++) {
    signal.throwIfAborted();
    const path = waiting[at] ?? '';
    const found = await io(`look at ${path}`, at === 0 ? statIfThere(path) : lstatIfThere(path));
    if (found === undefined || found.isSymbolicLink()) continue;
    account ??= heirOf(found);
    if (await isClosed(path, found, account)) return closedPath(path, found, account);
    if (at < parts.length) continue;
    const entries = (await io(`list ${path}`, readdir(path, { withFileTypes: true }))).sort(newestFirst);
    for (const file of entries.filter(isObjectFile).slice(0, newestFiles)) {
      const filePath = join(path, file.name);
      const inside = await io(`look at ${filePath}`, lstatIfThere(filePath));
      if (inside !== undefined && (await isClosed(filePath, inside, account)))
        return closedPath(filePath, inside, account);
    }
    for (const entry of entries) if (entry.isDirectory()) waiting.push(join(path, entry.name));
  }
  return undefined;
}

/** Names of segments and ids of backups ascend with time. */
function newestFirst(a: Dirent, b: Dirent): number {
  return a.name < b.name ? 1 : -1;
}

function isObjectFile(entry: Dirent): boolean {
  return entry.isFile() && !temporaryFileName.test(entry.name);
}

async function isClosed(path: string, found: Stats, account: Heir | undefined): Promise<boolean> {
  const isDirectory = found.isDirectory();
  if (process.geteuid?.() === 0)
    return account !== undefined && !permits(found, account, isDirectory ? 0o7 : 0o4);
  try {
    const needed = isDirectory ? constants.R_OK | constants.W_OK | constants.X_OK : constants.R_OK;
    await access(path, needed);
    return false;
  } catch (error) {
    if (isMissing(error)) return false;
    if (systemCode(error) === 'EACCES') return true;
    throw error;
  }
}

function permits({ uid, gid, mode }: Stats, account: Heir, needed: number): boolean {
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & needed) === needed;
}

function closedPath(path: string, found: Stats, account: Heir | undefined): ClosedPath {
  const userId = account?.uid ?? process.geteuid?.() ?? -1;
  return { path, isDirectory: found.isDirectory(), ownerId: found.uid, userId };
}
