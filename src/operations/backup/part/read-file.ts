/** One file of a running cluster, read as exactly as many bytes as its tar header will say. */
import { open, type FileHandle } from 'node:fs/promises';
import { withoutWaiting } from '../../../base/files/read.ts';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import type { PageCheck } from './page-check.ts';

/** The methods that reading needs of an open file. */
export interface ReadableFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<{ size: number; mode: number; mtimeMs: number }>;
  close(): Promise<void>;
}

/** Opens a file; undefined when the file no longer exists. */
export type OpenFile = (path: string) => Promise<ReadableFile | undefined>;

/**
 * Opens local files. A symbolic link that has replaced one since the walk is followed. Root opens only what the server's
 * user may read: he could name any file in his configuration, or link it, and has the keys to read the backup, perhaps.
 */
export function openLocalFiles(server: { readonly uid: number; readonly gid: number }): OpenFile {
  return async path => {
    const handle = await openLocalFile(path);
    if (handle === undefined || process.geteuid?.() !== 0) return handle;
    const { uid, gid, mode } = await handle.stat();
    const needed = uid === server.uid ? 0o400 : gid === server.gid ? 0o040 : 0o004;
    if ((mode & needed) !== 0) return handle;
    await handle.close();
    throw new WalvaultError(
      'local-io',
      `read ${path}: user ${server.uid}, who owns the data directory, may not read it`,
      {
        hint: 'As root a backup takes nothing that the server could not read. Give the file to that user, or to its group, or take it away.',
      },
    );
  };
}

async function openLocalFile(path: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, withoutWaiting);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
  return handle;
}

export interface ReadExactlyOptions {
  /** The path in messages. */
  readonly path: string;
  /** The size when the file was opened. */
  readonly sizeBytes: number;
  /** The buffer of every chunk; its size is a multiple of the page size. */
  readonly buffer: Uint8Array;
  readonly pageCheck?: PageCheck | undefined;
  readonly blockSizeBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Yields exactly `sizeBytes` bytes. Bytes added meanwhile are left out and bytes cut off become zeros: replay of the
 * WAL since the start of the backup repeats either change (basebackup.c, sendFile). A chunk is valid until the next
 * is asked for.
 * @throws WalvaultError `local-io`
 */
export async function* readExactly(
  file: ReadableFile,
  options: ReadExactlyOptions,
): AsyncGenerator<Uint8Array> {
  const { path, sizeBytes, buffer, pageCheck, blockSizeBytes, signal } = options;
  const reread = async (page: number, target: Uint8Array) =>
    (await fill(file, { path, target, position: page * blockSizeBytes })) === target.length;
  let isAtEnd = false;
  for (let position = 0; position < sizeBytes;) {
    signal.throwIfAborted();
    const chunk = buffer.subarray(0, Math.min(buffer.length, sizeBytes - position));
    const filledBytes: number = isAtEnd ? 0 : await fill(file, { path, target: chunk, position });
    isAtEnd = filledBytes < chunk.length;
    chunk.fill(0, filledBytes);
    await pageCheck?.check(chunk, position / blockSizeBytes, { reread, signal });
    position += chunk.length;
    yield chunk;
  }
}

/** Fills the buffer, continuing after short reads; the result is short only at the end of the file. */
async function fill(
  file: ReadableFile,
  options: { readonly path: string; readonly target: Uint8Array; readonly position: number },
): Promise<number> {
  const { path, target, position } = options;
  let filledBytes = 0;
  while (filledBytes < target.length) {
    try {
      const length = target.length - filledBytes;
      const { bytesRead } = await file.read(target, filledBytes, length, position + filledBytes);
      if (bytesRead === 0) break;
      filledBytes += bytesRead;
    } catch (error) {
      throw localIoError('read', path, error);
    }
  }
  return filledBytes;
}
