/** The plain tar of one part, and the manifest entry of each of its files. */
import { createHash } from 'node:crypto';
import type { ByteStream } from '../../../base/bytes/streams.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { tarHeader, tarPadding, tarTrailer } from '../../../pipeline/tar/index.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import { isRelationFile, PageCheck, type DamagedPage, type PageCheckSettings } from './page-check.ts';
import { readExactly, type OpenFile, type ReadableFile } from './read-file.ts';
import type { Log } from '../../../observe/events/events.ts';

/** A file or directory that the walk has found. */
export interface BackupEntry {
  /** The path in the manifest. */
  readonly path: string;
  readonly type: 'file' | 'directory';
  /** The size when the walk saw the file; it is read again when the file is opened. */
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
  /** The path from which the bytes are read. */
  readonly sourcePath: string;
}

export interface PartOptions {
  readonly part: number;
  readonly open: OpenFile;
  readonly blockSizeBytes: number;
  /** Undefined: pages are not checked. */
  readonly pages: PageCheckSettings | undefined;
  /** Owner and group in the tar: those of the data directory, in case root unpacks it by hand. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The content of a part; complete when its stream has ended. */
export interface PartContent {
  readonly entries: ManifestEntry[];
  readonly damagedPages: DamagedPage[];
}

/** A multiple of every page size PostgreSQL can be built with. */
const readBytes = 1024 ** 2;

export function streamPart(
  members: readonly BackupEntry[],
  options: PartOptions,
): { readonly stream: ByteStream; readonly content: PartContent } {
  const content: PartContent = { entries: [], damagedPages: [] };
  return { stream: inBlocks(writeMembers(members, options, content)), content };
}

async function* writeMembers(
  members: readonly BackupEntry[],
  options: PartOptions,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  for (const member of members) {
    options.signal.throwIfAborted();
    if (member.type === 'directory') {
      const { path, type, mode, mtimeMs } = member;
      yield tarHeader({ ...options.owner, path, type, mode, mtimeMs, sizeBytes: 0 });
      content.entries.push({ path, type, mode, mtimeMs, sizeBytes: 0 });
      continue;
    }
    const file = await options.open(member.sourcePath);
    if (file === undefined) {
      skipVanished(member, options.log);
      continue;
    }
    try {
      yield* writeFile(member, file, { ...options, buffer, content });
    } finally {
      await file.close();
    }
  }
  yield tarTrailer;
}

async function* writeFile(
  member: BackupEntry,
  file: ReadableFile,
  options: PartOptions & { readonly buffer: Uint8Array; readonly content: PartContent },
): AsyncGenerator<Uint8Array> {
  const { path } = member;
  const stat = await file.stat();
  const attributes = {
    path,
    type: 'file',
    mode: stat.mode & 0o7777,
    mtimeMs: wholeMs(stat.mtimeMs),
  } as const;
  const { pages, part, blockSizeBytes, buffer, signal, content, owner } = options;
  const pageCheck = pages !== undefined && isRelationFile(path) ? new PageCheck(pages, path) : undefined;
  const hash = createHash('sha256');
  yield tarHeader({ ...owner, ...attributes, sizeBytes: stat.size });
  const source = { path: member.sourcePath, sizeBytes: stat.size, buffer, pageCheck, blockSizeBytes, signal };
  for await (const chunk of readExactly(file, source)) {
    hash.update(chunk);
    yield chunk;
  }
  yield tarPadding(stat.size);
  content.entries.push({ ...attributes, sizeBytes: stat.size, sha256: hash.digest('hex'), part });
  if (pageCheck !== undefined) content.damagedPages.push(...pageCheck.damaged);
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

/** The time as manifests hold it: whole milliseconds since 1970. */
export function wholeMs(timeMs: number): number {
  return Math.max(0, Math.floor(timeMs));
}

const blockBytes = 1024 ** 2;
const blocks = 4;

/**
 * Gathers headers and small files into blocks of 1 MiB, because each chunk costs every later stage some time. Blocks
 * come from a ring: a block is valid until three more have been asked for, and compression holds at most two.
 */
export async function* inBlocks(source: ByteStream): AsyncGenerator<Uint8Array> {
  const ring = Array.from({ length: blocks }, () => Buffer.allocUnsafeSlow(blockBytes));
  let current = 0;
  let filledBytes = 0;
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length;) {
      const block = ring[current] as Buffer;
      const piece = chunk.subarray(offset, offset + blockBytes - filledBytes);
      block.set(piece, filledBytes);
      filledBytes += piece.length;
      offset += piece.length;
      if (filledBytes < blockBytes) continue;
      yield block;
      current = (current + 1) % blocks;
      filledBytes = 0;
    }
  }
  if (filledBytes > 0) yield (ring[current] as Buffer).subarray(0, filledBytes);
}
