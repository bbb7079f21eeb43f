/**
 * The plain tar of one part, in pieces of some MiB, and what it has of each member.
 *
 * There is one pass over each byte: files are read into the place of the buffer that they have in the tar, and are
 * checked and hashed there in short steps, while a step's bytes are in the processor's cache.
 */
import { createHash } from 'node:crypto';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../base/checksum/crc32c.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { tarHeader, tarPadding, tarTrailer } from '../../../pipeline/tar/index.ts';
import { wholeMs, type BackupEntry, type CopiedEntry } from './backup-entry.ts';
import { isRelationFile } from '../../../postgres/cluster/relation-path.ts';
import type { SuspectPage } from '../../damaged-pages.ts';
import { PageCheck, type PageCheckSettings } from './page-check.ts';
import { fill, type OpenFile, type ReadableFile } from './read-file.ts';
import type { TarBuffer } from './tar-buffer.ts';
import type { Log } from '../../../observe/events/events.ts';

export interface PartOptions {
  readonly open: OpenFile;
  readonly buffer: TarBuffer;
  readonly blockSizeBytes: number;
  /** Undefined: pages are not checked. */
  readonly pages: PageCheckSettings | undefined;
  /** Whether PostgreSQL's manifest needs the CRC-32C of each file. */
  readonly withCrc32c: boolean;
  /** Owner and group in the tar: those of the data directory, in case root unpacks it by hand. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Returns when so many bytes may be read. */
  readonly mayRead: (sizeBytes: number) => Promise<void> | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The content of a part; complete when its stream has ended. */
export interface PartContent {
  readonly copied: CopiedEntry[];
  readonly suspects: SuspectPage[];
}

/** A step that the cache holds; a multiple of every page size that PostgreSQL can be built with. */
const stepBytes = 256 * 1024;

/** Yields pieces, each of which is valid until the next one is asked for. */
export async function* streamPart(
  members: readonly BackupEntry[],
  options: PartOptions,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const { buffer, owner, signal, log } = options;
  for (const [index, member] of members.entries()) {
    signal.throwIfAborted();
    if (member.type === 'directory') {
      const { path, type, mode, mtimeMs } = member;
      yield* buffer.put(tarHeader({ ...owner, path, type, mode, mtimeMs, sizeBytes: 0 }));
      content.copied.push({ member: index, mode, mtimeMs, sizeBytes: 0 });
      continue;
    }
    const file = options.open(member.sourcePath);
    if (file === undefined) {
      skipVanished(member, log);
      continue;
    }
    try {
      yield* copyFile({ index, member, file }, options, content);
    } finally {
      file.close();
    }
  }
  yield* buffer.put(tarTrailer);
  yield* buffer.rest();
}

interface OpenMember {
  readonly index: number;
  readonly member: BackupEntry;
  readonly file: ReadableFile;
}

/**
 * Copies exactly as many bytes as the file had when it was opened. Bytes added meanwhile are left out and bytes cut off
 * become zeros: replay of the WAL since the start of the backup repeats either change (basebackup.c, sendFile).
 */
async function* copyFile(
  { index, member, file }: OpenMember,
  options: PartOptions,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const { path, sourcePath } = member;
  const { buffer, pages, blockSizeBytes, owner, signal } = options;
  const stat = file.stat();
  const { size: sizeBytes } = stat;
  const attributes = { sizeBytes, mode: stat.mode & 0o7777, mtimeMs: wholeMs(stat.mtimeMs) };
  const pageCheck = pages !== undefined && isRelationFile(path) ? new PageCheck(pages, path) : undefined;
  const hash = createHash('sha256');
  let crc = startCrc32c;
  let isAtEnd = false;
  const reread = (page: number, target: Uint8Array) =>
    fill(file, { path: sourcePath, target, position: page * blockSizeBytes }) === target.length;

  yield* buffer.put(tarHeader({ ...owner, path, type: 'file', ...attributes }));
  for (let position = 0; position < sizeBytes;) {
    signal.throwIfAborted();
    const leftBytes = sizeBytes - position;
    const room = buffer.room(Math.min(stepBytes, leftBytes));
    // A page is never cut.
    const stepped = room.length < leftBytes ? room.length - (room.length % blockSizeBytes) : room.length;
    if (stepped === 0) {
      yield* buffer.rest();
      continue;
    }
    const target = room.subarray(0, stepped);
    await options.mayRead(stepped);
    const filledBytes: number = isAtEnd ? 0 : fill(file, { path: sourcePath, target, position });
    isAtEnd = filledBytes < stepped;
    target.fill(0, filledBytes);
    if (pageCheck !== undefined) {
      const piece = { ...buffer.place(stepped), firstPage: position / blockSizeBytes };
      for (const at of pageCheck.wrongPages(piece)) await pageCheck.readAgain(at, piece, { reread, signal });
    }
    hash.update(target);
    if (options.withCrc32c) crc = updateCrc32c(crc, target, 0, stepped);
    buffer.advance(stepped);
    position += stepped;
  }
  yield* buffer.put(tarPadding(sizeBytes));
  content.copied.push({
    member: index,
    ...attributes,
    sha256: hash.digest('hex'),
    ...(options.withCrc32c && { crc32c: finishCrc32c(crc) }),
  });
  if (pageCheck !== undefined) content.suspects.push(...pageCheck.suspects);
}

/** Files that every cluster has and PostgreSQL never removes. */
const indispensable =
  /^(?:PG_VERSION|postgresql(?:\.auto)?\.conf|pg_hba\.conf|pg_ident\.conf|global\/pg_filenode\.map)$/;

/**
 * Skips a file that PostgreSQL has removed since the walk (DROP, VACUUM FULL, WAL of old transactions); replay
 * removes it again.
 */
function skipVanished({ path, sourcePath }: BackupEntry, log: Log): void {
  if (indispensable.test(path)) {
    throw new WalvaultError('local-io', `read ${sourcePath}: it has vanished since the backup began`, {
      hint: 'PostgreSQL never removes this file by itself. Put it back and take the backup again.',
    });
  }
  log.emit({ kind: 'file-vanished', path });
}
