/** The directories above an object: made private and durable, removed when empty; never the root. */
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { rmdir } from '../../base/files/calls.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';
import { StoreError } from '../store.ts';
import { io } from './error.ts';
import { holdDirectory, holdWay, type HeldDirectory, type HeldWay } from './held-directory.ts';
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

/**
 * Makes the directories of `key` below the root, which must exist.
 * @throws StoreError `no-container`; `denied` for a link in their place; system errors, ENOTDIR among them
 */
export async function makeDirectories(root: string, key: string, rights: Rights): Promise<void> {
  const parts = key.split('/').slice(0, -1);
  for (const [index, part] of parts.entries()) {
    try {
      await using above = await holdDirectory(root, parts.slice(0, index).join('/'));
      await makeDirectory(above, part, rights);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}

export function notADirectory(key: string): StoreError {
  return new StoreError('invalid', `put ${key}: a part of its path is no directory`, {
    code: 'conflict',
    hint: 'Something else than a directory has the name of one in the repository. Move it away if it is not yours.',
  });
}

/** fsyncs a directory that is held for naming. */
export async function syncDirectory(directory: HeldDirectory): Promise<void> {
  await fsyncDirectory(directory.path());
}

/** Removes the directories above `key` that have become empty, from the deepest up, never the root. */
export async function pruneDirectories(root: string, key: string): Promise<void> {
  const parts = key.split('/').slice(0, -1);
  // A directory that another process removed first is passed over: that above it may still be there and empty.
  await using way = await walkable(root, parts.join('/'));
  if (way === undefined) return;
  const above = way.directories.slice(0, parts.length);
  for (const [index, part] of parts.slice(0, above.length).entries().toArray().reverse()) {
    try {
      await rmdir(above[index]?.path(part) ?? '');
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') return;
    }
  }
}

/** Undefined where a link, or a directory that is closed, is on the way: nothing is pruned there. */
async function walkable(root: string, directory: string): Promise<HeldWay | undefined> {
  try {
    return await holdWay(root, directory);
  } catch (error) {
    if (error instanceof StoreError || systemCode(error) !== undefined) return undefined;
    throw error;
  }
}
