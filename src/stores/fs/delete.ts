/** Deletion from a directory: the file, then its sidecars, then the directories that have become empty. */
import { readdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { separateKeys, sidecarName } from '../driver-kit/key.ts';
import { StoreError, type DeleteFailure } from '../store.ts';
import { pruneDirectories, syncDirectory } from './directories.ts';
import { fsError, isMissing } from './error.ts';
import { assertRoot, holdDirectory } from './held-directory.ts';

/** Deletes keys. @throws StoreError `no-container`; every other error is in the result, key by key */
export async function deleteFiles(
  root: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  signal.throwIfAborted();
  await assertRoot(root);
  const { legal, failures } = separateKeys(keys);
  for (const [directory, group] of Map.groupBy(legal, key => dirname(key))) {
    signal.throwIfAborted();
    failures.push(...(await deleteInDirectory(root, directory, group)));
  }
  return failures;
}

async function deleteInDirectory(
  root: string,
  directory: string,
  keys: readonly string[],
): Promise<DeleteFailure[]> {
  const failures: DeleteFailure[] = [];
  try {
    await using held = await holdDirectory(root, directory);
    const sidecars = Map.groupBy(
      (await readdir(held.path())).filter(name => sidecarName.test(name)),
      name => name.replace(sidecarName, ''),
    );
    for (const key of keys) {
      try {
        await remove(held.path(basename(key)));
        for (const sidecar of sidecars.get(basename(key)) ?? []) await remove(held.path(sidecar));
      } catch (error) {
        failures.push({ key, error: storeError(`delete ${key}`, error) });
      }
    }
    await syncDirectory(held);
  } catch (error) {
    if (isMissing(error)) {
      // Pruned by another deleter as soon as it was empty.
      return failures;
    }
    const failed = new Set(failures.map(failure => failure.key));
    for (const key of keys.filter(key => !failed.has(key)))
      failures.push({ key, error: storeError(`delete ${key}`, error) });
    return failures;
  }
  for (const key of keys.slice(0, 1)) await pruneDirectories(root, key);
  return failures;
}

/** Removes a file. A directory holds no object, and a missing file counts as deleted. */
async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error) && !(error instanceof Error && 'code' in error && error.code === 'EISDIR'))
      throw error;
  }
}

function storeError(action: string, error: unknown): StoreError {
  const translated = fsError(action, error);
  return translated instanceof StoreError
    ? translated
    : new StoreError('local-io', `${action}: ${translated.message}`, { cause: error });
}
