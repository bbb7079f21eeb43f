/** The identity of a file: its device, inode, size and modification time. A rename changes none of them. */
import type { BigIntStats } from 'node:fs';

/** Decimal numbers as text, so that they cross sockets and threads as they are. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
  readonly sizeBytes: string;
  readonly modifiedNs: string;
}

export function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): FileIdentity {
  return { device: `${dev}`, inode: `${ino}`, sizeBytes: `${size}`, modifiedNs: `${mtimeNs}` };
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.sizeBytes === b.sizeBytes &&
    a.modifiedNs === b.modifiedNs
  );
}
