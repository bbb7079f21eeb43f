/** A member of a tar archive without its bytes, and the fields of a tar header. */
export interface TarEntry {
  /** Relative, `/`-separated, without a trailing slash. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** 0 for directories and links. */
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  /** tar keeps whole seconds. */
  readonly mtimeMs: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly linkTarget?: string;
}

export const blockSizeBytes = 512;

/** Fields of a ustar header (POSIX.1-2001 pax, "ustar Interchange Format"): offset and length. */
export const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;

export type Field = readonly [offset: number, length: number];

/** The sum of all header bytes, with the checksum field itself as spaces. */
export function headerChecksum(header: Uint8Array): number {
  const [start, length] = fields.checksum;
  let sum = 0;
  for (let index = 0; index < blockSizeBytes; index++)
    sum += index >= start && index < start + length ? 0x20 : (header[index] ?? 0);
  return sum;
}
