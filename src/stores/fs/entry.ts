/** One file of a repository, opened for reading: never through a link, and nothing but a plain file. */
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { open, type OpenFile } from '../../base/files/calls.ts';
import { StoreError } from '../store.ts';
import { isALink, readEntry, type HeldDirectory } from './held-directory.ts';

export interface OpenEntry {
  readonly handle: OpenFile;
  readonly found: Stats;
}

/**
 * Undefined for a directory: no object has its name.
 * @throws StoreError `denied` for a link, a device, a socket or a named pipe; system errors, ENOENT among them
 */
export async function openEntry(directory: HeldDirectory, name: string): Promise<OpenEntry | undefined> {
  const shown = join(directory.shownPath, name);
  const handle = await openPlain(directory.path(name), shown);
  try {
    const found = await handle.stat();
    if (found.isFile()) {
      await refuseForeign(found, directory, shown);
      return { handle, found };
    }
    if (!found.isDirectory()) throw isNoFile(shown);
    await handle.close();
    return undefined;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openPlain(path: string, shown: string): Promise<OpenFile> {
  try {
    return await open(path, readEntry);
  } catch (error) {
    if (systemCode(error) === 'ELOOP') throw isALink(shown);
    // A socket, or a device without a driver.
    if (systemCode(error) === 'ENXIO') throw isNoFile(shown);
    throw error;
  }
}

/**
 * A second name of another account's file lets root read what its planter may not. Linux itself refuses to make one
 * (fs.protected_hardlinks), where this is not turned off.
 */
async function refuseForeign(found: Stats, directory: HeldDirectory, shown: string): Promise<void> {
  if (process.geteuid?.() !== 0 || found.nlink === 1) return;
  const { uid } = await directory.stat();
  if (uid !== 0 && uid !== found.uid)
    throw new StoreError(
      'denied',
      `${shown} is a second name of a file of user ${found.uid}, in a directory of user ${uid}`,
      {
        hint: 'Remove it if it is not of the repository; else give it to the owner of its directory (chown).',
      },
    );
}

function isNoFile(shown: string): StoreError {
  return new StoreError('denied', `${shown} is neither a file nor a directory`, {
    hint: 'Nothing of walvault makes such an entry: remove it.',
  });
}
