/** The owner of the files that `init` writes: PostgreSQL's user must be able to read them. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { findReplacer, isHisOwn } from '../../base/files/outsider.ts';
import { holdOwnDirectory, type OwnDirectory } from '../../base/files/own-directory.ts';
import type { Account, InitRequest } from './request.ts';
import type { Log } from '../../observe/events/events.ts';

const runFile = promisify(execFile);

/**
 * Looks a user up with id(1), which asks every source of accounts that the system has.
 * @throws WalvaultError `usage` if there is no such user
 */
export async function findAccount(name: string, signal: AbortSignal): Promise<Account> {
  try {
    return {
      name,
      uid: Number(await askId('-u', name, signal)),
      gid: Number(await askId('-g', name, signal)),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw new WalvaultError('usage', `there is no user "${name}"`, { cause: error });
  }
}

/** All groups of a user that `findAccount` found. */
export async function groupsOf(name: string, signal: AbortSignal): Promise<number[]> {
  return (await askId('-G', name, signal)).split(' ').map(Number);
}

async function askId(flag: string, name: string, signal: AbortSignal): Promise<string> {
  return (await runFile('id', [flag, '--', name], { signal, timeout: 10_000 })).stdout.trim();
}

/** For root: the requested owner, else the owner of the data directory, else undefined, with a warning. */
export async function chooseOwner(request: InitRequest, log: Log): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) {
    if (request.owner !== undefined && request.owner.uid !== process.getuid?.())
      throw new WalvaultError('usage', `only root can give files to ${request.owner.name}`, {
        hint: `Run init as root, or as ${request.owner.name} without --owner.`,
      });
    return undefined;
  }
  if (request.owner !== undefined) return request.owner;
  if (request.dataDirectory !== undefined) {
    const { uid, gid } = await stat(request.dataDirectory);
    log.emit({ kind: 'owner-taken', dataDirectory: request.dataDirectory, uid });
    return { name: `uid ${uid}`, uid, gid };
  }
  log.emit({ kind: 'owner-missing' });
  return undefined;
}

/**
 * Gives files and directories that root has just made. Each is opened without following a link, and given only if it is
 * root's: under its name the owner of its directory could by now have put a link to another file of root's.
 */
export async function giveTo(owner: Account | undefined, paths: readonly string[]): Promise<void> {
  if (owner === undefined) return;
  for (const path of paths) {
    try {
      await using directory = await holdOwnDirectory(dirname(path));
      await giveEntry(directory, basename(path), owner);
    } catch (error) {
      throw localIoError('change the owner of', path, error);
    }
  }
}

async function giveEntry(
  directory: OwnDirectory,
  name: string,
  { uid, gid }: Pick<Account, 'uid' | 'gid'>,
): Promise<void> {
  await using handle = await open(directory.path(name), entryFlags);
  const found = await handle.stat();
  const isPlain = found.isDirectory() || (found.isFile() && found.nlink === 1);
  if (found.uid === 0 && isPlain) await handle.chown(uid, gid);
}

const entryFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Gives the files of a generated key: PostgreSQL's user checks with it, and restores. A medium without owners, such as
 * FAT, keeps its own: there its mount options say who may read.
 */
export async function giveWherePossible(owner: Account | undefined, paths: readonly string[]): Promise<void> {
  try {
    await giveTo(owner, paths);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (systemCode(cause) !== 'EPERM') throw error;
  }
}

/**
 * Gives a repository's directory, and the files that root has just written at its top, to the owner. The group of a
 * directory with the set-group-id bit stays: its members share the repository (docs/stores.md).
 */
export async function giveRepositoryTo(owner: Account | undefined, directory: string): Promise<void> {
  if (owner === undefined) return;
  try {
    await using held = await holdOwnDirectory(directory);
    const top = held.found ?? (await stat(directory));
    const gid = (top.mode & 0o2000) === 0 ? owner.gid : top.gid;
    if (top.uid === 0) await held.chown(owner.uid, gid);
    for (const entry of await readdir(held.path(), { withFileTypes: true }))
      if (entry.isFile() || entry.isDirectory()) await giveEntry(held, entry.name, { uid: owner.uid, gid });
  } catch (error) {
    throw localIoError('change the owner of', directory, error);
  }
}

/**
 * Whoever could replace what `init` writes would have the host use keys and a configuration of his: nobody may but the
 * account that gets them. @throws WalvaultError `refused`
 */
export async function refuseOutsiders(owner: Account | undefined, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const outsider = await findReplacer(path);
    if (outsider === undefined || (owner !== undefined && isHisOwn(outsider, owner))) continue;
    throw new WalvaultError(
      'refused',
      `${path} would lie where another could replace it: ${outsider.because}`,
      { hint: 'Name a place that only root or your own account can write to, such as /etc/walvault.toml.' },
    );
  }
}
