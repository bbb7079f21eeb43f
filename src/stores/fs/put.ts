/**
 * Writing into a directory. The order of the steps makes it safe:
 *
 * 1. the bytes go to a hidden file beside the target and are fsynced;
 * 2. the sidecar with the metadata is written and fsynced, under a name made from the digest;
 * 3. link(2) gives the file its name: atomic, whole, and refused if the name is taken. Opening the target with O_EXCL
 *    would decide the race as well, but readers would see an incomplete object until the last byte is written;
 * 4. the directories up to the root are fsynced, except those that this process has fsynced as they are. Only then does
 *    the call return.
 *
 * A process killed in between leaves hidden files, never a visible part of an object.
 */
import { basename, dirname } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { link, lstat, open, rename, unlink, type OpenFile } from '../../base/files/calls.ts';
import { SequentialWriter } from '../../base/files/past-cache.ts';
import { BodyCheck, announcedSizeBytes, isInMemory, streamOfBody } from '../driver-kit/body.ts';
import { StoreError, type PutBody, type PutOptions } from '../store.ts';
import { makeDirectories, notADirectory, pruneDirectories } from './directories.ts';
import { digestOfFile } from './digest.ts';
import { openEntry } from './entry.ts';
import { fsError, io, isMissing } from './error.ts';
import { assertRoot, holdDirectory, type HeldDirectory } from './held-directory.ts';
import { giveFileRights, rightsFor, type Rights } from './rights.ts';
import { sidecarNameOf, sidecarNames, writeSidecar, type NewSidecar } from './sidecar.ts';
import type { SyncedDirectories } from './synced-directories.ts';
import { temporaryName } from './temporary.ts';
import { writePastCache } from './write-past-cache.ts';

/** How often a delete may prune a put's directory before the put gives up. */
const directoryAttempts = 20;

export interface PutPlace {
  readonly root: string;
  readonly directories: SyncedDirectories;
}

/** @throws StoreError `exists`, `no-container`, `denied`, `invalid`, `local-io`; the errors of the body */
export async function putFile(
  { root, directories }: PutPlace,
  key: string,
  body: PutBody,
  options: PutOptions,
): Promise<void> {
  const action = `put ${key}`;
  const rights = await io(action, rightsFor(root, key));
  await using target = await openTarget(root, key, rights);
  const { directory, temporary, handle } = target;
  try {
    await io(action, giveFileRights(handle, rights));
    const { sizeBytes, sha256 = '' } = await writeBody(handle, key, body, options);
    const metadata = options.metadata ?? {};
    const sidecar =
      Object.keys(metadata).length === 0 ? undefined : { content: { sizeBytes, sha256, metadata }, rights };
    options.signal.throwIfAborted();
    if (options.ifAbsent) await giveName(root, key, target, sidecar);
    else await io(action, replace(key, target, sidecar));
    await makeNameDurable({ root, directories }, key);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(directory.path(temporary)).catch(() => undefined);
    await pruneDirectories(root, key);
    throw error;
  }
}

/** A new object's directory, held, with the temporary file in it. */
interface Target extends AsyncDisposable {
  readonly directory: HeldDirectory;
  readonly temporary: string;
  readonly handle: OpenFile;
}

/** Opens the temporary file. It also keeps a concurrent delete from pruning its directory. */
async function openTarget(root: string, key: string, rights: Rights): Promise<Target> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openTemporary(await holdDirectory(root, dirname(key)));
    } catch (error) {
      if (!isMissing(error)) throw fsError(`put ${key}`, error);
      // What has stood in the place of a directory for one look only is gone by the next.
      if (attempt === directoryAttempts)
        throw systemCode(error) === 'ENOTDIR' ? notADirectory(key) : fsError(`put ${key}`, error);
    }
    try {
      await makeDirectories(root, key, rights);
    } catch (error) {
      if (!isMissing(error)) throw fsError(`put ${key}`, error);
    }
  }
}

async function openTemporary(directory: HeldDirectory): Promise<Target> {
  const temporary = temporaryName();
  try {
    const handle = await open(directory.path(temporary), 'wx', 0o600);
    return {
      directory,
      temporary,
      handle,
      [Symbol.asyncDispose]: async () => await directory[Symbol.asyncDispose](),
    };
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

async function writeBody(handle: OpenFile, key: string, body: PutBody, options: PutOptions) {
  const check = new BodyCheck(
    key,
    { ...options, sizeBytes: options.sizeBytes ?? announcedSizeBytes(body, options) },
    'always',
  );
  const [whole, ...more] = isInMemory(body) ? body : [];
  const mayPassCache = whole !== undefined && more.length === 0;
  await using writer = new SequentialWriter(handle);
  for await (const chunk of streamOfBody(body)) {
    options.signal.throwIfAborted();
    check.update(chunk);
    if (mayPassCache && (await io(`put ${key}`, writePastCache(handle, chunk)))) continue;
    await io(`put ${key}`, writer.write(chunk));
    // Encoders have all the memory that they make until they give way to the garbage collector.
    await io(`put ${key}`, writer.keepUp());
  }
  await io(`put ${key}`, writer.end());
  const written = check.finish();
  await io(`put ${key}`, handle.sync());
  await io(`put ${key}`, handle.close());
  return written;
}

async function giveName(
  root: string,
  key: string,
  target: Target,
  sidecar: NewSidecar | undefined,
): Promise<void> {
  try {
    await linkWithSidecar(key, target, sidecar);
  } catch (error) {
    if (noHardLinks.has(systemCode(error) ?? '')) throw withoutHardLinks(root, error);
    throw fsError(`put ${key}`, error);
  }
}

async function linkWithSidecar(
  key: string,
  { directory, temporary }: Target,
  sidecar: NewSidecar | undefined,
): Promise<void> {
  const name = basename(key);
  const madeSidecar = sidecar !== undefined && (await writeSidecar(directory, name, sidecar, 'create'));
  try {
    await linkOnce(directory.path(temporary), directory.path(name));
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      if (madeSidecar) await removeLosersSidecar(directory, name, sidecar);
      throw (await isDirectory(directory.path(name)))
        ? isADirectory(key)
        : new StoreError('exists', `put ${key}: already exists`, { cause: error });
    }
    if (madeSidecar) await unlink(directory.path(sidecarNameOf(name, sidecar.content.sha256)));
    throw error;
  }
  await unlink(directory.path(temporary));
  // Another writer of the same content, which lost the race, may have removed the shared sidecar meanwhile.
  if (sidecar !== undefined && !madeSidecar) await writeSidecar(directory, name, sidecar, 'create');
}

async function makeNameDurable({ root, directories }: PutPlace, key: string): Promise<void> {
  try {
    await directories.sync(root, key);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fsError(`put ${key}`, error);
    // Only a directory without our object can be pruned, so the object was there and is already deleted.
    await assertRoot(root);
  }
}

/** Links, and accepts EEXIST if the link is our own: NFS may repeat the request (link(2), open(2) NOTES). */
async function linkOnce(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    const [ours, theirs] = await Promise.all([lstat(temporary), lstat(target).catch(() => undefined)]);
    if (theirs === undefined || ours.ino !== theirs.ino || ours.dev !== theirs.dev) throw error;
  }
}

/** Removes our sidecar, unless the winner has the same content: then it may rely on this sidecar. */
async function removeLosersSidecar(
  directory: HeldDirectory,
  name: string,
  { content }: NewSidecar,
): Promise<void> {
  try {
    const winner = await openEntry(directory, name);
    await using handle = winner?.handle;
    if (handle !== undefined && winner?.found.size === content.sizeBytes)
      if ((await digestOfFile(handle)) === content.sha256) return;
  } catch (error) {
    // Deleted meanwhile, or unreadable. A sidecar without an object is harmless, an object without its sidecar is not.
    if (systemCode(error) !== undefined) return;
    // No file at all, such as a link.
    if (!(error instanceof StoreError)) throw error;
  }
  await unlink(directory.path(sidecarNameOf(name, content.sha256))).catch(() => undefined);
}

async function replace(
  key: string,
  { directory, temporary }: Target,
  sidecar: NewSidecar | undefined,
): Promise<void> {
  const name = basename(key);
  if (await isDirectory(directory.path(name))) throw isADirectory(key);
  const own = sidecar === undefined ? undefined : sidecarNameOf(name, sidecar.content.sha256);
  if (sidecar !== undefined) await writeSidecar(directory, name, sidecar, 'replace');
  await rename(directory.path(temporary), directory.path(name));
  for (const beside of await sidecarNames(directory, name)) {
    if (beside !== own) await unlink(directory.path(beside)).catch(() => undefined);
  }
}

function isADirectory(key: string): StoreError {
  return new StoreError('invalid', `put ${key}: there is a directory by this name`, {
    code: 'conflict',
    hint: 'A directory has the name of an object in the repository. Move it away if it is not yours.',
  });
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** The errors of link(2) on FAT, exFAT and some network and FUSE file systems. */
const noHardLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

function withoutHardLinks(root: string, cause: unknown): StoreError {
  return new StoreError('local-io', `${root}: this file system has no hard links`, {
    cause,
    hint: 'Put the repository on a file system with hard links (ext4, xfs, zfs, nfs…): they alone create a whole file under a name only if it is free.',
  });
}
