/** The files of a restored copy: all of them are new, and this restore has made everything in their directory. */
import { constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import type { OpenFile } from '../../base/files/calls.ts';
import { ManifestMismatch } from '../../repository/backup/expected-files.ts';

export type Open<F> = (path: string, flags: number, mode?: number) => F | Promise<F>;

/** Creates a file, never through a link and never over an existing file. @throws system errors */
export async function createFile<F extends OpenFile>(path: string, mode: number, open: Open<F>): Promise<F> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await openNew(path, mode, (at, of) => open(at, flags, of));
  // The umask of this process must not decide what a group may read.
  if ((mode & 0o077) !== 0) await handle.chmod(mode);
  return handle;
}

/** Opens a file that was created before, never through a link. @throws WalvaultError `damaged` if it was not; system errors */
export async function openCreated<F>(path: string, open: Open<F>): Promise<F> {
  try {
    return await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new ManifestMismatch(`"${path}" is in no newer backup`);
    throw error;
  }
}

async function openNew<F>(path: string, mode: number, create: Open<F>): Promise<F> {
  try {
    return await create(path, mode);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await create(path, mode);
  }
}
