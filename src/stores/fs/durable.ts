/** Makes an object durable that another process wrote. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../store.ts';
import { syncDirectories } from './directories.ts';
import { fsError, io, isMissing } from './error.ts';
import { assertThere } from './get.ts';
import { sidecarPaths } from './sidecar.ts';

/** fsyncs the file, its sidecars and the directories up to the root. Throws as `Store.makeDurable`. */
export async function makeFileDurable(root: string, key: string): Promise<void> {
  const path = join(root, key);
  await assertThere(root, key);
  try {
    for (const file of [path, ...(await sidecarPaths(path))]) await syncFile(file);
  } catch (error) {
    if (isMissing(error)) throw new StoreError('absent', `fsync ${key}: no such object`, { cause: error });
    throw fsError(`fsync ${key}`, error);
  }
  await io(`fsync ${key}`, syncDirectories(root, key));
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
