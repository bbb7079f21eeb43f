/** Unfinished writes in a directory: temporary files, and sidecars without an object. */
import type { Dirent } from 'node:fs';
import { link, lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { isLegalKey, sidecarName, temporaryFileName } from '../driver-kit/key.ts';
import { StoreError, type CallOptions, type DeleteFailure, type UnfinishedWrite } from '../store.ts';
import { assertRoot, pruneDirectories } from './directories.ts';
import { fsError, isMissing } from './error.ts';
import { temporaryPath } from './temporary.ts';

/** @throws StoreError `no-container`, `denied`, `local-io` */
export async function* listUnfinishedFiles(
  root: string,
  options: CallOptions & { readonly prefix: string },
): AsyncGenerator<UnfinishedWrite> {
  await assertRoot(root);
  const directory = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
  if (directory !== '' && !isLegalKey(directory.slice(0, -1))) return;
  yield* findIn(root, directory, options);
}

async function* findIn(
  root: string,
  directory: string,
  options: CallOptions & { readonly prefix: string },
): AsyncGenerator<UnfinishedWrite> {
  options.signal.throwIfAborted();
  const { prefix } = options;
  const entries = await readEntries(root, directory);
  const names = new Set(entries.map(({ name }) => name));
  for (const entry of entries) {
    const id = directory + entry.name;
    if (entry.isDirectory() && !temporaryFileName.test(entry.name)) {
      const mayHold = `${id}/`.startsWith(prefix) || prefix.startsWith(`${id}/`);
      if (mayHold && isLegalKey(id) && id !== 'lost+found') yield* findIn(root, `${id}/`, options);
      continue;
    }
    const isTemporary = temporaryFileName.test(entry.name);
    const object = entry.name.replace(sidecarName, '');
    const isOrphan = object !== entry.name && !names.has(object);
    if (
      !(entry.isFile() || isTemporary) ||
      !(isTemporary || isOrphan) ||
      !id.startsWith(isTemporary ? directory : prefix)
    )
      continue;
    const found = await statIfThere(join(root, id));
    if (found !== undefined)
      yield { key: directory + object, id, lastWritten: found.mtime, sizeBytes: found.size };
  }
}

async function readEntries(root: string, directory: string): Promise<Dirent[]> {
  try {
    return await readdir(join(root, directory), { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw fsError(`list ${directory === '' ? root : directory}`, error);
  }
}

async function statIfThere(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fsError(`stat ${path}`, error);
  }
}

export async function removeUnfinishedFiles(
  root: string,
  writes: readonly UnfinishedWrite[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const failures: DeleteFailure[] = [];
  for (const { key, id } of writes) {
    signal.throwIfAborted();
    try {
      if (sidecarName.test(id)) await removeSidecar(join(root, key), join(root, id));
      else await removeTemporary(join(root, id));
      await pruneDirectories(root, key);
    } catch (error) {
      if (isMissing(error)) continue;
      const failure = fsError(`remove ${id}`, error);
      if (!(failure instanceof StoreError)) throw failure;
      failures.push({ key, error: failure });
    }
  }
  return failures;
}

/** Removes a temporary file, or an empty directory that did not get its name. */
async function removeTemporary(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) await rmdir(path);
  else await unlink(path);
}

/**
 * A writer of the same content may find the sidecar at this very moment, rely on it and give the object its name. So the
 * sidecar is first moved away: either that writer misses it and makes another one, or its object is seen here and the
 * sidecar is moved back.
 */
async function removeSidecar(file: string, sidecar: string): Promise<void> {
  const aside = temporaryPath(join(dirname(sidecar), 'sidecar'));
  await rename(sidecar, aside);
  if ((await statIfThere(file)) !== undefined) await moveBack(aside, sidecar);
  else await unlink(aside);
}

async function moveBack(aside: string, sidecar: string): Promise<void> {
  try {
    await link(aside, sidecar);
  } catch (error) {
    // Linux refuses a link to another account's file (fs.protected_hardlinks). A sidecar that was made meanwhile is of
    // the same content.
    if (systemCode(error) === 'EPERM') return await rename(aside, sidecar);
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  await unlink(aside);
}
