/**
 * The key of a file: its identity at this moment, as one text to compare. PostgreSQL recycles segments by renaming
 * them, so name, inode and size are not enough. A rename changes the inode's time, a write changes the content's, and
 * the first page's header holds the position in the WAL (xlog_internal.h, XLogLongPageHeaderData).
 */
import { open, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';

const headerBytes = 40;

/** An open file, whose key can be asked for again after the file was read. */
export class KeyedFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #systemId: string;

  private constructor(handle: FileHandle, path: string, systemId: string) {
    this.#handle = handle;
    this.#path = path;
    this.#systemId = systemId;
  }

  /** @throws system errors */
  static async open(path: string, dataDirectory: string): Promise<KeyedFile> {
    const systemId = await readSystemId(dataDirectory);
    return new KeyedFile(await open(path, 'r'), path, systemId);
  }

  /** The key of the open file, even if its path names another file by now. */
  async key(): Promise<string> {
    const { dev, ino, size, mtimeNs, ctimeNs } = await this.#handle.stat({ bigint: true });
    const header = Buffer.alloc(headerBytes);
    const { bytesRead } = await this.#handle.read(header, 0, headerBytes, 0);
    const content = header.toString('hex', 0, bytesRead);
    return [this.#systemId, basename(this.#path), dev, ino, size, mtimeNs, ctimeNs, content].join(' ');
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The key of the file that `path` names now. @throws system errors */
export async function fileKey(path: string, dataDirectory: string): Promise<string> {
  const file = await KeyedFile.open(path, dataDirectory);
  try {
    return await file.key();
  } finally {
    await file.close();
  }
}

/** The first eight bytes of `global/pg_control`: another cluster's directory may take this one's place. */
async function readSystemId(dataDirectory: string): Promise<string> {
  const handle = await open(join(dataDirectory, 'global/pg_control'), 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.toString('hex', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
