/** Makes an object durable that another process wrote. */
import { basename, dirname } from 'node:path';
import { StoreError } from '../store.ts';
import { openEntry } from './entry.ts';
import { fsError, io, isMissing } from './error.ts';
import { holdDirectory, type HeldDirectory } from './held-directory.ts';
import { sidecarNames } from './sidecar.ts';
import type { SyncedDirectories } from './synced-directories.ts';

/** fsyncs the file, its sidecars and the directories up to the root. Throws as `Store.makeDurable`. */
export async function makeFileDurable(
  root: string,
  key: string,
  directories: SyncedDirectories,
): Promise<void> {
  try {
    await using directory = await holdDirectory(root, dirname(key));
    const name = basename(key);
    for (const file of [name, ...(await sidecarNames(directory, name))]) await syncFile(directory, file, key);
  } catch (error) {
    if (isMissing(error)) throw absent(key, error);
    throw fsError(`fsync ${key}`, error);
  }
  await io(`fsync ${key}`, directories.sync(root, key));
}

async function syncFile(directory: HeldDirectory, name: string, key: string): Promise<void> {
  const opened = await openEntry(directory, name);
  if (opened === undefined) throw absent(key);
  try {
    await opened.handle.sync();
  } finally {
    await opened.handle.close();
  }
}

function absent(key: string, cause?: unknown): StoreError {
  return new StoreError('absent', `fsync ${key}: no such object`, { cause });
}
