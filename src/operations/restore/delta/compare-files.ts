/**
 * Says which files of a part are in the directory already, as the backup has them. It reads, and writes nothing but permissions: a file that
 * is told to be the same keeps its content untouched, and is durable.
 *
 * A thread of its own does this. Most calls are synchronous, because each hop through Node's pool of threads costs more than the call; only what follows in
 * a larger file is read ahead.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { hashBytes, type HighwayKey } from '../../../base/checksum/highway-hash.ts';
import { localIoError } from '../../../base/errors/errors.ts';
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import { PageBuffer } from '../../../postgres/cluster/page-buffer.ts';
import { isValidBlockSize } from '../../../postgres/wal/page-header.ts';
import { readSpooled, type SpooledEntries } from '../../../repository/backup/entry-spool.ts';
import { pageDigestKey } from '../../../repository/encoding/page-digest-key.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { Repository } from '../../../repository/repository.ts';
import { openThere, type OpenedFile } from './open-there.ts';
import { permissionsOf, type AccessMode } from '../access-mode.ts';
import { placeOf, type Places } from '../places.ts';
import type { MadeRelation } from '../unpack-part.ts';

/** The files of one part to compare: plain data, for other threads. */
export interface CompareJob {
  readonly system: SystemPath;
  readonly entries: SpooledEntries;
  /** What is known of the pages of each entry, in their order; undefined: nothing. */
  readonly pages: readonly (KnownPages | undefined)[];
  readonly places: Places;
  /** Undefined: files get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
}

/** Digests of eight bytes in a file that any thread of the process can read. */
export interface KnownPages {
  /** The number of the open file. */
  readonly fd: number;
  readonly position: number;
  readonly pageCount: number;
  /** Undefined: it follows from the size of the file. */
  readonly blockSizeBytes: number | undefined;
}

export interface ComparedFiles {
  /** Of each entry, in their order: 1 if it is there as the backup has it. */
  readonly isSame: Uint8Array;
  /** The size of what is there, 0 for nothing. */
  readonly sizesBytes: Float64Array;
  /** What those files have that are the same and that several backups make together. */
  readonly made: readonly MadeRelation[];
}

export interface CompareRun {
  /** Called as often as the work likes. */
  readonly onRead: (readBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Does jobs side by side, as `compareFiles` says, in threads or here. */
export interface FileComparer {
  readonly jobs: number;
  compare(repository: Repository, job: CompareJob, run: CompareRun): Promise<ComparedFiles>;
}

/** What fits the processor's cache, twice: it is read from there again. */
const stepBytes = 512 * 1024;

/** Linux writes what was changed after half a minute (dirty_expire_centisecs), and an fsync of a clean file flushes the disk all the same. */
const unsettledMs = 3_600_000;

const same = 1;

const readPooled = promisify(read);

/** Buffers that no comparison of this thread uses at the moment: each reserves much address space. */
const idleBuffers: PageBuffer[] = [];

/** @throws WalvaultError `local-io` */
export async function compareFiles(
  repository: Pick<Repository, 'codec'>,
  job: CompareJob,
  run: CompareRun,
): Promise<ComparedFiles> {
  const pages = idleBuffers.pop() ?? new PageBuffer(2 * stepBytes);
  try {
    return await compare(repository, job, { ...run, pages });
  } finally {
    idleBuffers.push(pages);
  }
}

async function compare(
  repository: Pick<Repository, 'codec'>,
  job: CompareJob,
  { onRead, pages, signal }: CompareRun & { readonly pages: PageBuffer },
): Promise<ComparedFiles> {
  const secret = await repository.codec.keyring.hostSecret();
  const key = secret && pageDigestKey(secret, job.system);
  const isSame = new Uint8Array(job.pages.length);
  const sizesBytes = new Float64Array(job.pages.length);
  const made: MadeRelation[] = [];
  let readBytes = 0;
  let index = 0;
  for await (const entry of readSpooled(job.entries)) {
    const whole = wholePath(entry.path);
    const wanted = expectedOf(entry, job.pages[index], key);
    const path = placeOf(whole ?? entry.path, job.places);
    const file = path === undefined ? undefined : openThere(path);
    if (file !== undefined && path !== undefined) {
      try {
        sizesBytes[index] = file.stats.size;
        const isEqual = wanted !== undefined && file.stats.size === wanted.sizeBytes;
        const reading = { path, fd: file.fd, sizeBytes: file.stats.size, pages, signal };
        const found = isEqual
          ? await wanted.compare(reading, doneBytes => onRead(readBytes + doneBytes))
          : undefined;
        if (found !== undefined) {
          settle(file, entry, job.accessMode);
          isSame[index] = same;
          if (whole !== undefined)
            made.push({ path: whole, mtimeMs: entry.mtimeMs, sizeBytes: file.stats.size, sha256: found });
        }
      } catch (error) {
        throw localIoError('read', path, error);
      } finally {
        closeSync(file.fd);
      }
      readBytes += file.stats.size;
      onRead(readBytes);
    }
    index++;
  }
  return { isSame, sizesBytes, made };
}

interface Reading {
  readonly path: string;
  readonly fd: number;
  readonly sizeBytes: number;
  readonly pages: PageBuffer;
  readonly signal: AbortSignal;
}

interface Expected {
  readonly sizeBytes: number;
  /** @returns undefined for another content; else its SHA-256 where that was made, or an empty text */
  compare(file: Reading, onBytes: (doneBytes: number) => void): Promise<string | undefined>;
}

/** Undefined where nothing is known that could be compared. */
function expectedOf(
  { path, sizeBytes, sha256 }: ManifestEntry,
  pages: KnownPages | undefined,
  key: HighwayKey | undefined,
): Expected | undefined {
  const isPart = wholePath(path) !== undefined;
  const blockSizeBytes = pages && (pages.blockSizeBytes ?? sizeBytes / pages.pageCount);
  const isKnown = Number.isInteger(blockSizeBytes) && isValidBlockSize(blockSizeBytes ?? 0);
  if (key !== undefined && pages !== undefined && blockSizeBytes !== undefined && isKnown)
    return {
      sizeBytes: pages.pageCount * blockSizeBytes,
      // PostgreSQL's manifest of the copy needs the digest of what several backups make.
      compare: (file, onBytes) =>
        comparePages(
          file,
          { ...pages, blockSizeBytes, key, hash: isPart ? createHash('sha256') : undefined },
          onBytes,
        ),
    };
  if (isPart || sha256 === undefined) return undefined;
  return {
    sizeBytes,
    async compare(file, onBytes) {
      const hash = createHash('sha256');
      for await (const { bytes, end } of steps(file)) {
        hash.update(bytes);
        onBytes(end);
      }
      return hash.digest('hex') === sha256 ? '' : undefined;
    },
  };
}

async function comparePages(
  file: Reading,
  {
    blockSizeBytes,
    key,
    hash,
    ...known
  }: KnownPages & {
    readonly blockSizeBytes: number;
    readonly key: HighwayKey;
    readonly hash: Hash | undefined;
  },
  onBytes: (doneBytes: number) => void,
): Promise<string | undefined> {
  const wanted = Buffer.allocUnsafe((stepBytes / blockSizeBytes) * hashBytes);
  const found = Buffer.allocUnsafe(wanted.length);
  let position = known.position;
  for await (const { start, bytes, end } of steps(file)) {
    const count = file.pages.digestPages(start, start + bytes.length, { blockSizeBytes, key, out: found });
    const digests = wanted.subarray(0, count * hashBytes);
    fill(known.fd, digests, position);
    if (!digests.equals(found.subarray(0, digests.length))) return undefined;
    hash?.update(bytes);
    position += digests.length;
    onBytes(end);
  }
  return hash?.digest('hex') ?? '';
}

interface Step {
  /** Where the bytes are in the buffer, until the next step. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** The position after it in the file. */
  readonly end: number;
}

/** All of the file; nothing more of one that has become shorter. While one step is digested, the next one is read. */
async function* steps({ fd, sizeBytes, pages, signal }: Reading): AsyncGenerator<Step> {
  const roomFor = (position: number) => {
    const start = position % (2 * stepBytes);
    return pages.bytes.subarray(start, start + Math.min(stepBytes, sizeBytes - position));
  };
  let next: Promise<Uint8Array> | undefined;
  try {
    for (let position = 0; position < sizeBytes; position += stepBytes) {
      const bytes: Uint8Array = (await next) ?? fill(fd, roomFor(position), position);
      const end = position + bytes.length;
      next = end < sizeBytes ? fillLater(fd, roomFor(end), end) : undefined;
      signal.throwIfAborted();
      yield { start: position % (2 * stepBytes), bytes, end };
    }
  } finally {
    // Nobody may close the file before, nor use the buffer; what is read in vain may fail.
    await next?.catch(() => undefined);
  }
}

/** By a thread of Node's pool. */
async function fillLater(fd: number, target: Uint8Array, position: number): Promise<Uint8Array> {
  let filledBytes = 0;
  while (filledBytes < target.length) {
    const leftBytes = target.length - filledBytes;
    const { bytesRead } = await readPooled(fd, target, filledBytes, leftBytes, position + filledBytes);
    if (bytesRead === 0) break;
    filledBytes += bytesRead;
  }
  return target.fill(0, filledBytes);
}

/** What the file does not have is zeros. */
function fill<T extends Uint8Array>(fd: number, target: T, position: number): T {
  let filledBytes = 0;
  while (filledBytes < target.length) {
    const bytesRead = readSync(fd, target, filledBytes, target.length - filledBytes, position + filledBytes);
    if (bytesRead === 0) break;
    filledBytes += bytesRead;
  }
  target.fill(0, filledBytes);
  return target;
}

/** Its permissions, and, if it was changed not long ago, what may wait in the memory of the kernel. */
function settle({ fd, stats }: OpenedFile, entry: ManifestEntry, accessMode: AccessMode | undefined): void {
  const mode = permissionsOf(entry, accessMode);
  const isRight = (stats.mode & 0o7777) === mode;
  if (!isRight) fchmodSync(fd, mode);
  if (!isRight || Date.now() - stats.ctimeMs < unsettledMs) fsyncSync(fd);
}
