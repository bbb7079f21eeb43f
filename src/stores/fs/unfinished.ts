/** Unfinished writes in a directory: temporary files, and sidecars without an object. */
import type { Dirent } from 'node:fs';
import { link, lstat, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { isLegalKey, sidecarName, temporaryFileName } from '../driver-kit/key.ts';
import { StoreError, type CallOptions, type DeleteFailure, type UnfinishedWrite } from '../store.ts';
import { pruneDirectories } from './directories.ts';
import { fsError, io, isMissing } from './error.ts';
import { holdDirectory, holdIfThere, readEntriesOf, type HeldDirectory } from './held-directory.ts';
import { lstatIfThere } from './stat-if-there.ts';
import { temporaryName } from './temporary.ts';

/** @throws StoreError `no-container`, `denied`, `local-io` */
export async function* listUnfinishedFiles(
  root: string,
  options: CallOptions & { readonly prefix: string },
): AsyncGenerator<UnfinishedWrite> {
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
  const { entries, found } = await lookInto(root, directory, prefix);
  yield* found;
  for (const entry of entries) {
    const id = directory + entry.name;
    if (!entry.isDirectory() || temporaryFileName.test(entry.name)) continue;
    const mayHold = `${id}/`.startsWith(prefix) || prefix.startsWith(`${id}/`);
    if (mayHold && isLegalKey(id) && id !== 'lost+found') yield* findIn(root, `${id}/`, options);
  }
}

/** Everything in one directory, and the unfinished writes there. */
async function lookInto(
  root: string,
  directory: string,
  prefix: string,
): Promise<{ readonly entries: readonly Dirent[]; readonly found: readonly UnfinishedWrite[] }> {
  await using held = await holdIfThere(root, directory);
  if (held === undefined) return { entries: [], found: [] };
  const entries = await readEntriesOf(held, directory === '' ? root : directory);
  const names = new Set(entries.map(({ name }) => name));
  const found: UnfinishedWrite[] = [];
  for (const entry of entries) {
    const id = directory + entry.name;
    const isTemporary = temporaryFileName.test(entry.name);
    const object = entry.name.replace(sidecarName, '');
    const isOrphan = object !== entry.name && !names.has(object);
    if (
      !(entry.isFile() || isTemporary) ||
      !(isTemporary || isOrphan) ||
      !id.startsWith(isTemporary ? directory : prefix)
    )
      continue;
    const stat = await io(`stat ${id}`, lstatIfThere(held.path(entry.name)));
    if (stat !== undefined)
      found.push({ key: directory + object, id, lastWritten: stat.mtime, sizeBytes: stat.size });
  }
  return { entries, found };
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
      await using directory = await holdDirectory(root, dirname(id));
      if (sidecarName.test(id)) await removeSidecar(directory, basename(key), basename(id));
      else await removeTemporary(directory.path(basename(id)));
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
async function removeSidecar(directory: HeldDirectory, file: string, sidecar: string): Promise<void> {
  const aside = directory.path(temporaryName());
  await rename(directory.path(sidecar), aside);
  if ((await lstatIfThere(directory.path(file))) !== undefined)
    await moveBack(aside, directory.path(sidecar));
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
