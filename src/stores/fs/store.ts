/**
 * Objects as files in a directory: a local disk, or a network file system with hard links.
 *
 * Files are 0600 and directories 0700. Beside an object with metadata lies its sidecar (`sidecar.ts`); hidden
 * `.….walvault-tmp` files belong to writers at work or dead ones. Neither is ever listed. The root is never created here
 * (`createFsRoot` is for `init`): where it is missing, the disk is not mounted.
 */
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assertKey, assertMetadata } from '../key.ts';
import {
  StoreError,
  type CallOptions,
  type DeleteFailure,
  type GetOptions,
  type ListEntry,
  type ListOptions,
  type ObjectStat,
  type PutBody,
  type PutOptions,
  type Store,
  type StoreCapabilities,
  type StoredObject,
  type UnfinishedWrite,
} from '../store.ts';
import { syncDirectories } from './directories.ts';
import { deleteFiles } from './delete.ts';
import { fsError, io, isMissing } from './error.ts';
import { assertThere, getFile, headFile } from './get.ts';
import { listFiles } from './list.ts';
import { putFile } from './put.ts';
import { listUnfinishedFiles, removeUnfinishedFiles } from './unfinished.ts';
import { sidecarPaths } from './sidecar.ts';

export { createFsRoot } from './directories.ts';

const metadataLimitBytes = 16 * 1024;

/** `root`: an existing directory; checked by each call, not here. */
export function createFsStore(options: { readonly root: string }): Store {
  return new FsStore(resolve(options.root));
}

class FsStore implements Store {
  readonly url: string;
  readonly capabilities: StoreCapabilities = {
    conditionalCreate: 'atomic',
    checksumOnWrite: true,
    metadataLimitBytes,
  };
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.url = pathToFileURL(root).href;
  }

  async put(key: string, body: PutBody, options: PutOptions): Promise<void> {
    assertKey(key);
    assertMetadata(key, options.metadata, metadataLimitBytes);
    options.signal.throwIfAborted();
    await putFile(this.#root, key, body, options);
  }

  async get(key: string, options: GetOptions): Promise<StoredObject> {
    assertKey(key);
    options.signal.throwIfAborted();
    return await getFile(this.#root, key, options);
  }

  async head(key: string, options: CallOptions): Promise<ObjectStat | undefined> {
    assertKey(key);
    options.signal.throwIfAborted();
    return await headFile(this.#root, key, options.signal);
  }

  list(options: ListOptions): AsyncIterable<ListEntry> {
    return listFiles(this.#root, options);
  }

  async delete(keys: readonly string[], options: CallOptions): Promise<DeleteFailure[]> {
    options.signal.throwIfAborted();
    return await deleteFiles(this.#root, keys, options);
  }

  async makeDurable(key: string, options: CallOptions): Promise<void> {
    assertKey(key);
    options.signal.throwIfAborted();
    const path = join(this.#root, key);
    await assertThere(this.#root, key);
    try {
      for (const file of [path, ...(await sidecarPaths(path))]) await syncFile(file);
    } catch (error) {
      if (isMissing(error)) throw new StoreError('absent', `fsync ${key}: no such object`, { cause: error });
      throw fsError(`fsync ${key}`, error);
    }
    await io(`fsync ${key}`, syncDirectories(this.#root, key));
  }

  listUnfinished(options: CallOptions & { readonly prefix: string }): AsyncIterable<UnfinishedWrite> {
    return listUnfinishedFiles(this.#root, options);
  }

  async removeUnfinished(writes: readonly UnfinishedWrite[], options: CallOptions): Promise<DeleteFailure[]> {
    return await removeUnfinishedFiles(this.#root, writes, options);
  }

  async close(): Promise<void> {
    // No descriptor is held between calls.
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
