/** The files and directories of a backup: as the walk finds them, and as a part has them. Plain data, for threads. */

import type { NamedBlocks } from '../../../postgres/wal/summaries/segment-changes.ts';
import type { FileDigests } from '../../../repository/format/page-digests.ts';

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

/** A member of a part to be written. */
export interface PartMember extends BackupEntry {
  /** The digests of the file's pages in the parent backup; undefined: all of the file is copied. */
  readonly parentPages?: ParentPages | undefined;
  /** What WAL summaries name of the file; undefined: all of it is read. */
  readonly named?: NamedBlocks | undefined;
}

/** Digests of eight bytes, little-endian, one after the other in a temporary file that any thread of the process can read. */
export interface ParentPages {
  /** The number of the open file. */
  readonly fd: number;
  readonly position: number;
  readonly pageCount: number;
}

/** What a part has of one of its members. A member without one has vanished since the walk. */
export interface CopiedEntry {
  /** The index among the members of the part. */
  readonly member: number;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
  /** Of a file: 64 hex digits. */
  readonly sha256?: string | undefined;
  /** Of a file, where PostgreSQL's manifest has these. */
  readonly crc32c?: number | undefined;
  /** Of an incremental file, which has the changed pages only: the length of the relation file. */
  readonly relationBytes?: number | undefined;
}

/** The digests of a relation file that has become a member of a part. */
export interface MemberDigests extends Pick<FileDigests, 'pageCount' | 'pages' | 'digests'> {
  /** The index among the members of the part. */
  readonly member: number;
}

/** The time as manifests hold it: whole milliseconds since 1970. */
export function wholeMs(timeMs: number): number {
  return Math.max(0, Math.floor(timeMs));
}
