/**
 * A directory in which root is about to make files, held open: whoever could put another one in its place must be its
 * owner, and nothing that he renames or links meanwhile leads the files elsewhere. Other accounts use the plain path.
 */
import { constants, type Stats } from 'node:fs';
import { chown, open, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../errors/errors.ts';
import { writeFileDurably, type WriteOptions } from './durable.ts';
import { findReplacer, isHisOwn } from './outsider.ts';

export interface OwnDirectory extends AsyncDisposable {
  /** Undefined unless root runs. */
  readonly found: Stats | undefined;
  /** The path of an entry, or of the directory itself, for calls until this is closed. */
  path(name?: string): string;
  /** Gives the directory itself to another account. For root. */
  chown(uid: number, gid: number): Promise<void>;
}

/** @throws WalvaultError `refused` for root, where somebody else could lead it there; system errors */
export async function holdOwnDirectory(directory: string): Promise<OwnDirectory> {
  if (process.geteuid?.() !== 0)
    return {
      found: undefined,
      path: (name = '') => join(directory, name),
      chown: async (uid, gid) => await chown(directory, uid, gid),
      [Symbol.asyncDispose]: async () => undefined,
    };
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await held(directory, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** As `writeFileDurably`, in a directory that is held meanwhile. @throws WalvaultError `refused`, too */
export async function writeOwnFile(
  path: string,
  data: Uint8Array | string,
  options: WriteOptions,
): Promise<void> {
  try {
    await using directory = await holdOwnDirectory(dirname(path));
    await writeFileDurably(directory.path(basename(path)), data, { ...options, shownPath: path });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw error;
    throw localIoError('write', path, error);
  }
}

async function held(directory: string, handle: FileHandle): Promise<OwnDirectory> {
  const outsider = await findReplacer(directory);
  const found = await handle.stat();
  if (outsider !== undefined && !isHisOwn(outsider, found))
    throw new WalvaultError(
      'refused',
      `root makes no files in ${directory}, in whose place another could put something: ${outsider.because}`,
      { hint: 'Run this as that user, or name a directory that only root can replace.' },
    );
  const at = `/proc/self/fd/${handle.fd}`;
  return {
    found,
    path: name => (name === undefined ? at : `${at}/${name}`),
    chown: async (uid, gid) => await handle.chown(uid, gid),
    [Symbol.asyncDispose]: async () => await handle.close(),
  };
}
