/** Reading from a directory: the file, and the sidecar that belongs to its content. */
import { createHash } from 'node:crypto';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { assertRange, resolveRange, type ByteRange } from '../driver-kit/body.ts';
import { StoreError, type GetOptions, type ObjectStat, type StoredObject } from '../store.ts';
import { assertReachable } from './directories.ts';
import { chunkBytes, digestOfFile } from './digest.ts';
import { fsError, io, isMissing } from './error.ts';
import { readSidecars, type Sidecar } from './sidecar.ts';

/** @throws StoreError `absent`, `no-container`, `denied`, `invalid`, `local-io`; the body throws `damaged` */
export async function getFile(root: string, key: string, options: GetOptions): Promise<StoredObject> {
  assertRange(key, options.range);
  const file = await openFile(root, key, `get ${key}`);
  if (file === undefined) throw new StoreError('absent', `get ${key}: no such object`);
  await file.handle.close();
  const range = resolveRange(key, options.range, file.sizeBytes);
  const sidecar = await chooseSidecar(root, key, file.sizeBytes, 'unless-alone', options.signal);
  const isWhole = range.start === 0 && range.end === file.sizeBytes;
  return {
    stat: statOf(key, file, sidecar),
    body: readBody(root, key, file, {
      range,
      sha256: isWhole ? sidecar?.sha256 : undefined,
      signal: options.signal,
    }),
  };
}

/**
 * The object's size, time and metadata. The file is hashed to confirm that the metadata belongs to it, because callers
 * compare contents by the metadata. A file without sidecars is not read.
 */
export async function headFile(
  root: string,
  key: string,
  signal: AbortSignal,
): Promise<ObjectStat | undefined> {
  const file = await openFile(root, key, `head ${key}`);
  await file?.handle.close();
  if (file === undefined) return undefined;
  return statOf(key, file, await chooseSidecar(root, key, file.sizeBytes, 'always', signal));
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly inode: number;
}

async function openFile(root: string, key: string, action: string): Promise<OpenFile | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(join(root, key), 'r');
    const found = await handle.stat();
    if (found.isFile()) return { handle, sizeBytes: found.size, modified: found.mtime, inode: found.ino };
    await handle.close();
  } catch (error) {
    await handle?.close().catch(() => undefined);
    if (!isMissing(error)) throw fsError(action, error);
    await assertReachable(root, key);
  }
  return undefined;
}

/**
 * The sidecar that belongs to the content. With several sidecars, or `always`, the file is hashed and its digest decides.
 * `get` takes a single sidecar with the right size as it is: it checks the digest of the body anyway.
 */
async function chooseSidecar(
  root: string,
  key: string,
  sizeBytes: number,
  confirm: 'always' | 'unless-alone',
  signal: AbortSignal,
): Promise<Sidecar | undefined> {
  const path = join(root, key);
  const candidates = (await io(`read metadata of ${key}`, readSidecars(path))).filter(
    sidecar => sidecar.sizeBytes === sizeBytes,
  );
  if (candidates.length === 0 || (candidates.length === 1 && confirm === 'unless-alone'))
    return candidates[0];
  const digest = await io(`read ${key}`, digestOfFile(path, signal));
  return candidates.find(sidecar => sidecar.sha256 === digest);
}

function statOf(key: string, file: OpenFile, sidecar: Sidecar | undefined): ObjectStat {
  return { key, sizeBytes: file.sizeBytes, modified: file.modified, metadata: sidecar?.metadata ?? {} };
}

interface ReadPlan {
  readonly range: ByteRange;
  /** The digest of the whole body, if it is known and the whole body is read. */
  readonly sha256: string | undefined;
  readonly signal: AbortSignal;
}

/** The body. The file is opened only at the first read, so that an unread body holds no descriptor. */
async function* readBody(
  root: string,
  key: string,
  opened: OpenFile,
  plan: ReadPlan,
): AsyncGenerator<Uint8Array> {
  const { range, signal } = plan;
  const file = await openFile(root, key, `get ${key}`);
  if (file === undefined) throw new StoreError('absent', `get ${key}: deleted before it was read`);
  try {
    if (file.inode !== opened.inode || file.sizeBytes !== opened.sizeBytes)
      throw new StoreError('unreachable', `get ${key}: replaced while it was opened`);
    const hash = plan.sha256 === undefined ? undefined : createHash('sha256');
    for (let offset = range.start; offset < range.end;) {
      signal.throwIfAborted();
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, range.end - offset));
      const { bytesRead } = await io(`get ${key}`, file.handle.read(buffer, 0, buffer.length, offset));
      if (bytesRead === 0)
        throw new StoreError('damaged', `get ${key}: ends after ${offset} of ${file.sizeBytes} bytes`);
      const chunk = buffer.subarray(0, bytesRead);
      hash?.update(chunk);
      offset += bytesRead;
      yield chunk;
    }
    if (hash !== undefined && hash.digest('hex') !== plan.sha256)
      throw new StoreError('damaged', `get ${key}: its SHA-256 is not the one recorded beside it`, {
        hint: `If the file was replaced on purpose, remove ${key}.*.meta beside it.`,
      });
  } finally {
    await file.handle.close();
  }
}

/** Throws as `get` if there is no such object. */
export async function assertThere(root: string, key: string): Promise<void> {
  try {
    if ((await stat(join(root, key))).isFile()) return;
  } catch (error) {
    if (!isMissing(error)) throw fsError(`open ${key}`, error);
    await assertReachable(root, key);
  }
  throw new StoreError('absent', `open ${key}: no such object`);
}
