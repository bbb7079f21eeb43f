/** Reading from a directory: the file, and the sidecar that belongs to its content. */
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { alignedBuffer } from '../../base/bytes/aligned-buffer.ts';
import type { OpenFile } from '../../base/files/calls.ts';
import { assertRange, resolveRange, type ByteRange } from '../driver-kit/body.ts';
import { StoreError, type GetOptions, type ObjectStat, type StoredObject } from '../store.ts';
import { chunkBytes, digestOfFile } from './digest.ts';
import { openEntry } from './entry.ts';
import { fsError, io, isMissing } from './error.ts';
import { holdDirectory, type HeldDirectory } from './held-directory.ts';
import { readSidecars, sidecarNameOf, sidecarNames, type Sidecar } from './sidecar.ts';

/** @throws StoreError `absent`, `no-container`, `denied`, `invalid`, `local-io`; the body throws `damaged` */
export async function getFile(root: string, key: string, options: GetOptions): Promise<StoredObject> {
  assertRange(key, options.range);
  const confirm = options.withoutMetadata === true ? 'never' : 'unless-alone';
  const file = await look(root, key, `get ${key}`, { confirm, signal: options.signal });
  if (file === undefined) throw new StoreError('absent', `get ${key}: no such object`);
  const { sidecar } = file;
  const range = resolveRange(key, options.range, file.sizeBytes);
  const isWhole = range.start === 0 && range.end === file.sizeBytes;
  return {
    stat: statOf(key, file),
    body: readBody(root, key, file, {
      range,
      sha256: isWhole ? sidecar?.sha256 : undefined,
      chunkByChunk: options.chunkByChunk === true,
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
  const file = await look(root, key, `head ${key}`, { confirm: 'always', signal });
  return file && statOf(key, file);
}

interface Found {
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly inode: number;
  readonly sidecar: Sidecar | undefined;
}

interface Look {
  /** `never`: the metadata is not wanted. */
  readonly confirm: 'always' | 'unless-alone' | 'never';
  readonly signal: AbortSignal;
}

async function look(root: string, key: string, action: string, how: Look): Promise<Found | undefined> {
  await using opened = await openFile(root, key, action);
  if (opened === undefined) return undefined;
  return { ...opened, sidecar: await chooseSidecar(opened, key, how) };
}

interface OpenObject extends AsyncDisposable {
  readonly directory: HeldDirectory;
  readonly handle: OpenFile;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly inode: number;
}

async function openFile(root: string, key: string, action: string): Promise<OpenObject | undefined> {
  try {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await holdDirectory(root, dirname(key)));
    const entry = await openEntry(directory, basename(key));
    if (entry === undefined) return undefined;
    const { handle, found } = entry;
    stack.use(handle);
    const opened = stack.move();
    return {
      directory,
      handle,
      sizeBytes: found.size,
      modified: found.mtime,
      inode: found.ino,
      [Symbol.asyncDispose]: async () => await opened.disposeAsync(),
    };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fsError(action, error);
  }
}

/**
 * The sidecar that belongs to the content. With several sidecars, or `always`, the file is hashed and its digest decides.
 * `get` takes a single sidecar with the right size as it is: it checks the digest of the body anyway.
 */
async function chooseSidecar(
  { directory, handle, sizeBytes }: OpenObject,
  key: string,
  { confirm, signal }: Look,
): Promise<Sidecar | undefined> {
  if (confirm === 'never') return undefined;
  const names = await io(`read metadata of ${key}`, sidecarNames(directory, basename(key)));
  if (names.length > mostCandidates) return await findOwn({ directory, handle }, { key, names, signal });
  const beside = await io(`read metadata of ${key}`, readSidecars(directory, names));
  const candidates = beside.filter(sidecar => sidecar.sizeBytes === sizeBytes);
  if (candidates.length === 0 || (candidates.length === 1 && confirm === 'unless-alone'))
    return candidates[0];
  const digest = await io(`read ${key}`, digestOfFile(handle, signal));
  return candidates.find(sidecar => sidecar.sha256 === digest);
}

/** Writers that died leave one or two; whoever plants can plant very many. */
const mostCandidates = 8;

/** Among very many: its name follows from the content. */
async function findOwn(
  { directory, handle }: Pick<OpenObject, 'directory' | 'handle'>,
  {
    key,
    names,
    signal,
  }: { readonly key: string; readonly names: readonly string[]; readonly signal: AbortSignal },
): Promise<Sidecar | undefined> {
  const digest = await io(`read ${key}`, digestOfFile(handle, signal));
  const name = sidecarNameOf(basename(key), digest);
  const [own] = await io(
    `read metadata of ${key}`,
    readSidecars(directory, names.includes(name) ? [name] : []),
  );
  return own?.sha256 === digest ? own : undefined;
}

function statOf(key: string, { sizeBytes, modified, sidecar }: Found): ObjectStat {
  return { key, sizeBytes, modified, metadata: sidecar?.metadata ?? {} };
}

interface ReadPlan {
  readonly range: ByteRange;
  /** The digest of the whole body, if it is known and the whole body is read. */
  readonly sha256: string | undefined;
  readonly chunkByChunk: boolean;
  readonly signal: AbortSignal;
}

/** The body. The file is opened only at the first read, so that an unread body holds no descriptor. */
async function* readBody(
  root: string,
  key: string,
  opened: Found,
  plan: ReadPlan,
): AsyncGenerator<Uint8Array> {
  const { range, chunkByChunk, signal } = plan;
  await using file = await openFile(root, key, `get ${key}`);
  if (file === undefined) throw new StoreError('absent', `get ${key}: deleted before it was read`);
  if (file.inode !== opened.inode || file.sizeBytes !== opened.sizeBytes)
    throw new StoreError('unreachable', `get ${key}: replaced while it was opened`);
  const hash = plan.sha256 === undefined ? undefined : createHash('sha256');
  let buffer: Buffer | undefined;
  for (let offset = range.start; offset < range.end;) {
    signal.throwIfAborted();
    const wantedBytes = Math.min(chunkBytes, range.end - offset);
    if (buffer === undefined || !chunkByChunk) buffer = alignedBuffer(wantedBytes);
    const { bytesRead } = await io(`get ${key}`, file.handle.read(buffer, 0, wantedBytes, offset));
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
}
