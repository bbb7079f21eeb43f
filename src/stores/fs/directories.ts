/** The directories above an object: made private and durable, removed when empty; never the root. */
import { chmod, lstat, mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';
import { StoreError } from '../store.ts';
import { fsError, io, isMissing } from './error.ts';
import { makeDirectory, type Rights } from './rights.ts';

/**
 * Creates the root of a directory store, durably and with mode 0700; an existing root is left unchanged. Only `init`
 * calls this: later a missing root means an unmounted disk, and creating it would archive to the wrong disk.
 * @throws StoreError `denied`, `local-io`
 */
export async function createFsRoot(root: string): Promise<void> {
  const path = resolve(root);
  const created = await io(`create ${path}`, mkdir(path, { recursive: true, mode: 0o700 }));
  if (created === undefined) return;
  await io(`create ${path}`, chmod(path, 0o700));
  for (let directory = path; directory.length >= dirname(created).length; directory = dirname(directory)) {
    await io(`create ${path}`, fsyncDirectory(directory));
    if (directory === dirname(directory)) break;
  }
}

/** @throws StoreError `no-container` if the root is missing or not a directory */
export async function assertRoot(root: string): Promise<void> {
  try {
    if ((await stat(root)).isDirectory()) return;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR')
      throw fsError(`open ${root}`, error);
  }
  throw new StoreError('no-container', `${root}: there is no such directory`, {
    hint: 'Mount the disk it lies on, or create the repository with `walvault init`.',
  });
}

/**
 * A check for a path at which no file was found. If a link on the way is broken, its disk is not mounted, and the file
 * is not absent. @throws StoreError `no-container` for a broken link or a missing root
 */
export async function assertReachable(root: string, path: string): Promise<void> {
  await assertRoot(root);
  let at = root;
  for (const part of path.split('/')) {
    at = join(at, part);
    try {
      if (!(await lstat(at)).isSymbolicLink()) continue;
    } catch (error) {
      if (isMissing(error)) return;
      throw fsError(`open ${at}`, error);
    }
    try {
      await stat(at);
    } catch (error) {
      if (!isMissing(error)) throw fsError(`open ${at}`, error);
      throw new StoreError('no-container', `${at}: a link that leads nowhere`, {
        cause: error,
        hint: 'Mount the disk it leads to. If nothing of the repository was ever there, remove the link.',
      });
    }
  }
}

/**
 * Makes the directories of `key` below the root, which must exist.
 * @throws StoreError `no-container`; `invalid` when a part of the key is a plain file
 */
export async function makeDirectories(root: string, key: string, rights: Rights): Promise<void> {
  const parts = key.split('/').slice(0, -1);
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    try {
      await makeDirectory(path, rights);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') continue;
      if (code === 'ENOENT') await assertRoot(root);
      if (code === 'ENOTDIR') throw notADirectory(key);
      throw error;
    }
  }
}

export function notADirectory(key: string): StoreError {
  return new StoreError('invalid', `put ${key}: a part of its path is the name of an object`);
}

/**
 * fsyncs the directory of `key` and each directory above it up to the root. Existing directories too: the process that
 * made them may have died before its own fsync, and fsync of an unchanged directory costs little.
 */
export async function syncDirectories(root: string, key: string): Promise<void> {
  const directories = [root];
  for (const part of key.split('/').slice(0, -1)) directories.push(join(directories.at(-1) ?? root, part));
  await Promise.all(directories.map(fsyncDirectory));
}

/** Removes the directories above `key` that have become empty, from the deepest up, never the root. */
export async function pruneDirectories(root: string, key: string): Promise<void> {
  const parts = key.split('/').slice(0, -1);
  for (; parts.length > 0; parts.pop()) {
    try {
      await rmdir(join(root, ...parts));
    } catch (error) {
      const code = systemCode(error);
      // ENOENT: another process removed it first, but the directory above it may still be there and empty.
      if (code !== 'ENOENT') return;
    }
  }
}
