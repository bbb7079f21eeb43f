/** The files and directories of a backup: as the walk finds them, and as a part has them. Plain data, for threads. */

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
}

/** The time as manifests hold it: whole milliseconds since 1970. */
export function wholeMs(timeMs: number): number {
  return Math.max(0, Math.floor(timeMs));
}
