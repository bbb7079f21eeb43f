/**
 * Directories of a repository, held open while a call works in them: no link below the root leads a call elsewhere.
 *
 * An account that may write to a repository could put a link in the place of one of its directories, before a call or in
 * the middle of it, and have root's cleanup empty what lies behind. So each directory is opened inside the one above it
 * with O_NOFOLLOW, and an entry is named through the open descriptor: the kernel resolves `/proc/self/fd/N/name` as
 * openat(2) would, which Node does not have (proc(5), ADR 11). Renames and links on the way change nothing any more.
 */
import { constants, type Dirent, type Stats } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { lstat, open, readEntries, readlink, realpath, stat, type OpenFile } from '../../base/files/calls.ts';
import { findReplacer, isHisOwn } from '../../base/files/outsider.ts';
import { StoreError } from '../store.ts';
import { fsError, isMissing } from './error.ts';

/** Needs no right to read the directory. Node does not name it: asm-generic/fcntl.h, the same on x64 and arm64. */
const pathOnly = 0o10_000_000;
export const onlyToName = pathOnly | constants.O_DIRECTORY;
/** O_NONBLOCK: to open a planted named pipe would wait for a writer for ever. It means nothing for files. */
export const readEntry = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class HeldDirectory implements AsyncDisposable {
  readonly #handle: OpenFile;
  readonly #at: string;
  /** The path for people. */
  readonly shownPath: string;

  constructor(handle: OpenFile, { at, shownPath }: { readonly at: string; readonly shownPath: string }) {
    this.#handle = handle;
    this.#at = at;
    this.shownPath = shownPath;
  }

  /** The path of an entry, or of the directory itself, for calls until this is closed. */
  path(name?: string): string {
    return name === undefined ? this.#at : `${this.#at}/${name}`;
  }

  shownPathOf(name: string): string {
    return join(this.shownPath, name);
  }

  async stat(): Promise<Stats> {
    return await this.#handle.stat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * Holds a directory below the root; '' and '.' are the root itself, which may be a link.
 * @throws StoreError `no-container` without a root, `denied` for a link on the way; system errors
 */
export async function holdDirectory(root: string, directory: string): Promise<HeldDirectory> {
  const parts = partsOf(directory);
  // Root walks, to look at the way to the root, too.
  const isQuick = parts.length > 0 && process.geteuid?.() !== 0;
  const found = isQuick ? await holdAtOnce(root, parts) : undefined;
  if (found !== undefined) return found;
  let held = await holdRoot(root);
  for (const name of parts) {
    await using above = held;
    held = await holdEntry(above, name);
  }
  return held;
}

/**
 * Opens the directory by its whole path, and asks the kernel where it is: at this very path it was not reached through a
 * link. One step where walking takes one for each part. Undefined: walk, and find out what is wrong.
 */
async function holdAtOnce(root: string, parts: readonly string[]): Promise<HeldDirectory | undefined> {
  const shownPath = join(root, ...parts);
  let handle: OpenFile | undefined;
  try {
    handle = await open(shownPath, onlyToName | constants.O_NOFOLLOW);
    const [isAt, realRoot] = await Promise.all([readlink(`/proc/self/fd/${handle.fd}`), realpath(root)]);
    if (isAt === join(realRoot, ...parts)) return await held(handle, shownPath);
  } catch {
    // Walking meets the same error, and knows where.
  }
  await handle?.close();
  return undefined;
}

/** @throws StoreError `no-container` if the root is missing or not a directory */
export async function assertRoot(root: string): Promise<void> {
  await (await holdRoot(root))[Symbol.asyncDispose]();
}

/** Undefined if the directory is not there. @throws StoreError as `holdDirectory`, and for system errors */
export async function holdIfThere(root: string, directory: string): Promise<HeldDirectory | undefined> {
  try {
    return await holdDirectory(root, directory);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fsError(`open ${join(root, directory)}`, error);
  }
}

/** The same for a directory inside one that is held. */
export async function holdBelowIfThere(
  above: HeldDirectory,
  name: string,
): Promise<HeldDirectory | undefined> {
  try {
    return await holdEntry(above, name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fsError(`open ${above.shownPathOf(name)}`, error);
  }
}

/** Empty if the directory has been removed meanwhile. `shown` is its name for people. @throws StoreError */
export async function readEntriesOf(held: HeldDirectory, shown: string): Promise<Dirent[]> {
  try {
    return await readEntries(held.path());
  } catch (error) {
    if (isMissing(error)) return [];
    throw fsError(`list ${shown}`, error);
  }
}

/** The directories from the root down to one below it, each held; without those at the end that are not there. */
export class HeldWay implements AsyncDisposable {
  readonly directories: readonly HeldDirectory[];

  constructor(directories: readonly HeldDirectory[]) {
    this.directories = directories;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.directories.map(held => held[Symbol.asyncDispose]()));
  }
}

/** Throws as `holdDirectory`, but ends at a directory that is not there. */
export async function holdWay(root: string, directory: string): Promise<HeldWay> {
  let last = await holdRoot(root);
  const directories = [last];
  try {
    for (const name of partsOf(directory)) {
      last = await holdEntry(last, name);
      directories.push(last);
    }
  } catch (error) {
    if (isMissing(error)) return new HeldWay(directories);
    await new HeldWay(directories)[Symbol.asyncDispose]();
    throw error;
  }
  return new HeldWay(directories);
}

function partsOf(directory: string): string[] {
  return directory.split('/').filter(part => part !== '' && part !== '.');
}

async function holdRoot(root: string): Promise<HeldDirectory> {
  try {
    const found = await held(await open(root, onlyToName), root);
    if (process.geteuid?.() === 0) await refuseLedAway(found);
    return found;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR')
      throw fsError(`open ${root}`, error);
  }
  throw new StoreError('no-container', `${root}: there is no such directory`, {
    hint: 'Mount the disk it lies on, or create the repository with `walvault init`.',
  });
}

/**
 * For root. What an outsider could put in the place of the repository must be his own: else a command of root's for his
 * repository would work on another one. Looked at after opening: who can replace the way was visible before, too.
 */
async function refuseLedAway(root: HeldDirectory): Promise<void> {
  try {
    const outsider = await findReplacer(root.shownPath);
    const found = outsider && (await root.stat());
    if (outsider === undefined || found === undefined || isHisOwn(outsider, found)) return;
    throw new StoreError(
      'denied',
      `${root.shownPath} belongs to user ${found.uid}, and another could put something in its place: ${outsider.because}`,
      {
        hint: 'Run this as the user that owns the repository, or let root own each directory on the way, with mode 0755.',
      },
    );
  } catch (error) {
    await root[Symbol.asyncDispose]();
    throw error;
  }
}

async function holdEntry(above: HeldDirectory, name: string): Promise<HeldDirectory> {
  const shownPath = above.shownPathOf(name);
  try {
    return await held(await open(above.path(name), onlyToName | constants.O_NOFOLLOW), shownPath);
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'ELOOP') await refuseLink(above, name);
    throw error;
  }
}

/** @throws StoreError `denied` if the entry is a link; otherwise a missing one is no error here */
export async function refuseLink(directory: HeldDirectory, name: string): Promise<void> {
  const found = await lstat(directory.path(name)).catch(() => undefined);
  if (found?.isSymbolicLink() === true) throw isALink(directory.shownPathOf(name));
}

export function isALink(path: string): StoreError {
  return new StoreError('denied', `${path} is a link, and none is followed inside a repository`, {
    hint: 'Remove it if it is not yours. A part of the repository can lie on another disk if that is mounted there (mount --bind).',
  });
}

async function held(handle: OpenFile, shownPath: string): Promise<HeldDirectory> {
  try {
    hasProc ??= await namesByDescriptor(handle);
    const at = hasProc ? `/proc/self/fd/${handle.fd}` : shownPath;
    return new HeldDirectory(handle, { at, shownPath });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Whether /proc shows this process its descriptors. Looked at once. */
let hasProc: boolean | undefined;

/** @throws StoreError `denied` for root where /proc is not mounted: only there a path could lead it elsewhere */
async function namesByDescriptor(handle: OpenFile): Promise<boolean> {
  const [own, named] = await Promise.all([
    handle.stat(),
    stat(`/proc/self/fd/${handle.fd}`).catch(() => undefined),
  ]);
  if (named !== undefined && named.ino === own.ino && named.dev === own.dev) return true;
  if (process.geteuid?.() !== 0) return false;
  throw new StoreError('denied', 'as root a directory repository is used only where /proc is mounted', {
    hint: 'Mount it (mount -t proc proc /proc), or run this as the user that owns the repository.',
  });
}
