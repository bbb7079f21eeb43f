/**
 * A store that keeps objects as files in a directory: a local disk, or a network file system with hard links.
 *
 * Files are 0600 and directories 0700. Beside an object with metadata is its sidecar (`sidecar.ts`); hidden
 * `.….walvault-tmp` files belong to running or dead writers. Listings show neither. The root is never created here
 * (`createFsRoot` is for `init`): a missing root means that the disk is not mounted.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Outsider } from '../../base/files/outsider.ts';
import { createCheckedStore } from '../driver-kit/checked-store.ts';
import { listingsBy } from '../pages.ts';
import type { Store } from '../store.ts';
import { requireHisOwn } from './chosen-root.ts';
import { findClosed } from './closed.ts';
import { deleteFiles } from './delete.ts';
import { makeFileDurable } from './durable.ts';
import { getFile, headFile } from './get.ts';
import { listFiles } from './list.ts';
import { putFile } from './put.ts';
import { SyncedDirectories } from './synced-directories.ts';
import { listUnfinishedFiles, removeUnfinishedFiles } from './unfinished.ts';

export { createFsRoot } from './directories.ts';

const metadataLimitBytes = 16 * 1024;

/** A store in the directory `root`. Each call checks that it exists. No descriptor is held between calls. */
export function createFsStore(options: {
  readonly root: string;
  readonly chosenBy?: Outsider | undefined;
}): Store {
  const root = resolve(options.root);
  const { chosenBy } = options;
  const directories = new SyncedDirectories();
  const store = createCheckedStore({
    url: pathToFileURL(root).href,
    capabilities: { conditionalCreate: 'atomic', checksumOnWrite: true, metadataLimitBytes },
    put: (key, body, put) => putFile({ root, directories }, key, body, put),
    get: (key, get) => getFile(root, key, get),
    head: (key, { signal }) => headFile(root, key, signal),
    ...listingsBy(list => listFiles(root, list)),
    delete: (keys, { signal }) => deleteFiles(root, keys, signal),
    makeDurable: key => makeFileDurable(root, key, directories),
    findClosed: (key, options) => findClosed(root, key, options),
    listUnfinished: list => listUnfinishedFiles(root, list),
    removeUnfinished: (writes, { signal }) => removeUnfinishedFiles(root, writes, signal),
    close: async () => undefined,
  });
  return chosenBy === undefined ? store : requireHisOwn(store, root, chosenBy);
}
