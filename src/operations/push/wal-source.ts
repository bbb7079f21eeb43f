/** The WAL file on disk that a push or `conflict keep` archives, read and identified. */
import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { withoutWaiting } from '../../base/files/read.ts';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { open, type OpenFile } from '../../base/files/calls.ts';
import { alignedBuffer } from '../../base/bytes/aligned-buffer.ts';
import { BufferPool } from '../../base/bytes/buffer-pool.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { readControlFile, type ControlFile } from '../../postgres/cluster/control-file.ts';
import { requireDataDirectory } from '../../postgres/cluster/find-data-directory.ts';
import { isHistoryPlaceholder } from '../../postgres/cluster/history-placeholder.ts';
import { readLocalHistories } from '../../postgres/cluster/local-histories.ts';
import { recoveryModeOf } from '../../postgres/cluster/signal-files.ts';
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { checkSegment } from '../../postgres/wal/segment-check.ts';
import type { WalObjectMetadata } from '../../repository/format/object-metadata.ts';
import { branchInText } from '../../repository/wal/timelines.ts';
import { inMemoryLimitBytes, type PlainFile } from '../../repository/wal/write-object.ts';
import { archivedAs } from './plan.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface WalSourceOptions {
  /** The value of `%p`. */
  readonly path: string;
  readonly dataDirectory: string | undefined;
  readonly headerCheck: boolean;
  /** Apply the rule for the segment of a switchpoint outside a recovery too (`push --missing`). */
  readonly isMissingRun?: boolean;
  /** The pool of the buffer that the file is read into. */
  readonly buffers?: BufferPool | undefined;
  /** Awaited before the file is read into memory. */
  readonly mayRead?: () => Promise<void>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface WalSource {
  /** The name in the archive: `.partial` for a segment that another timeline took over. */
  readonly file: WalFileName;
  readonly plain: PlainFile;
  readonly branch: WalObjectMetadata['branch'];
  /** True for fetch's placeholder of a history, which is nothing to archive. */
  readonly isPlaceholder: boolean;
  readonly control: ControlFile;
  readonly dataDirectory: string;
}

const readChunkBytes = 4 * 1024 ** 2;
const firstPageBytes = 8192;

/** @throws WalvaultError `invalid-file` when the file does not match its name or this cluster; nothing was sent yet */
export async function readWalSource(options: WalSourceOptions): Promise<WalSource> {
  const { path, signal } = options;
  const file = parseWalFileName(basename(path));
  if (file === undefined)
    throw new WalvaultError('invalid-file', `${path}: not the name of a WAL file`, {
      hint: "PostgreSQL gives the path where archive_command has %p, as in archive_command = 'walvault push %p'.",
    });
  const dataDirectory = requireDataDirectory({
    workingDirectory: process.cwd(),
    walPath: path,
    configured: options.dataDirectory,
  });
  const control = await readControlFile(dataDirectory, signal);
  const { plain, firstPage } = await readPlainFile(options);
  if (file.kind === 'segment' || file.kind === 'partial') {
    if (options.headerCheck) refuseWrongSegment(options, { file, plain, firstPage, control });
    const isInRecovery = options.isMissingRun === true || recoveryModeOf(dataDirectory) !== 'none';
    const histories = isInRecovery ? readLocalHistories(dirname(resolve(path))) : new Map();
    const stored = archivedAs(file, histories, control.geometry);
    return { file: stored, plain, branch: undefined, isPlaceholder: false, control, dataDirectory };
  }
  return {
    file,
    plain,
    ...(file.kind === 'history'
      ? readHistory(options, file, plain)
      : { branch: undefined, isPlaceholder: false }),
    control,
    dataDirectory,
  };
}

interface SegmentToCheck {
  readonly file: WalFileName & { kind: 'segment' | 'partial' };
  readonly plain: PlainFile;
  readonly firstPage: Uint8Array;
  readonly control: ControlFile;
}

function refuseWrongSegment(
  options: WalSourceOptions,
  { file, plain, firstPage, control }: SegmentToCheck,
): void {
  const { systemId, geometry } = control;
  const { problems, unknownPageMagic: pageMagic } = checkSegment({
    file,
    sizeBytes: plain.sizeBytes,
    firstPage,
    systemId,
    geometry,
  });
  if (pageMagic !== undefined) options.log.emit({ kind: 'page-magic-unknown', file: file.name, pageMagic });
  if (problems.length === 0) return;
  throw new WalvaultError('invalid-file', `${options.path}: ${problems.join('; ')}`, {
    hint: 'Nothing was archived. A PostgreSQL fork that encrypts its WAL needs archive.header-check = "off".',
  });
}

async function readPlainFile({
  path,
  buffers = new BufferPool(),
  mayRead,
}: WalSourceOptions): Promise<{ plain: PlainFile; firstPage: Uint8Array }> {
  try {
    await using handle = await open(path, withoutWaiting);
    const { size: sizeBytes } = await handle.stat();
    if (sizeBytes > inMemoryLimitBytes) return await hashOnly(path, handle, sizeBytes);
    await mayRead?.();
    return await readIntoMemory(handle, buffers.take(sizeBytes));
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

async function readIntoMemory(
  handle: OpenFile,
  data: Buffer,
): Promise<{ plain: PlainFile; firstPage: Uint8Array }> {
  const sizeBytes = data.length;
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await handle.read(data, filled, sizeBytes - filled, filled);
    if (bytesRead === 0)
      throw new WalvaultError('invalid-file', `file became shorter while it was read`, { retry: true });
    filled += bytesRead;
  }
  const sha256 = createHash('sha256').update(data).digest('hex');
  return {
    plain: { sizeBytes, sha256, content: data },
    firstPage: data.subarray(0, firstPageBytes),
  };
}

/** Hashes a segment that is too large for memory: encoding and sending read it again, once each. */
async function hashOnly(
  path: string,
  handle: OpenFile,
  sizeBytes: number,
): Promise<{ plain: PlainFile; firstPage: Uint8Array }> {
  const hash = createHash('sha256');
  let firstPage: Uint8Array | undefined;
  for await (const chunk of readChunks(handle, sizeBytes)) {
    firstPage ??= Buffer.from(chunk.subarray(0, firstPageBytes));
    hash.update(chunk);
  }
  const content = () => openChunks(path, sizeBytes);
  return {
    plain: { sizeBytes, sha256: hash.digest('hex'), content },
    firstPage: firstPage ?? Buffer.alloc(0),
  };
}

async function* openChunks(path: string, sizeBytes: number): ByteStreamGenerator {
  await using handle = await open(path, withoutWaiting);
  yield* readChunks(handle, sizeBytes);
}

type ByteStreamGenerator = AsyncGenerator<Uint8Array> & ByteStream;

async function* readChunks(handle: OpenFile, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < sizeBytes;) {
    // Each chunk has a fresh buffer: a later stage may still hold the previous chunk.
    const chunk = alignedBuffer(Math.min(readChunkBytes, sizeBytes - position));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0)
      throw new WalvaultError('invalid-file', `file became shorter while it was read`, { retry: true });
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** Without a branch for a file that is no history: it is archived all the same (docs/adr/0008). */
function readHistory(
  { path, log }: WalSourceOptions,
  { name, timeline }: WalFileName,
  { content }: PlainFile,
): Pick<WalSource, 'branch' | 'isPlaceholder'> {
  // A file that is too large for memory is no history.
  const text = typeof content === 'function' ? '' : Buffer.from(content).toString('utf8');
  if (isHistoryPlaceholder(text)) return { branch: undefined, isPlaceholder: true };
  try {
    return { branch: branchInText(timeline, text, path), isPlaceholder: false };
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    log.emit({ kind: 'history-not-understood', file: name, timeline, failure: toPlainError(error) });
    return { branch: undefined, isPlaceholder: false };
  }
}
