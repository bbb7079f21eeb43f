/**
 * One file of a running cluster, read as exactly as many bytes as its tar header will say.
 *
 * Calls are synchronous: a part is written by a thread of its own, which would only wait, and each hop through Node's
 * pool of threads costs more than the call.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import { withoutWaiting } from '../../../base/files/read.ts';

/** The methods that reading needs of an open file. */
export interface ReadableFile {
  /** Reads at most `length` bytes. @returns how many; 0 at the end of the file */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  stat(): { readonly size: number; readonly mode: number; readonly mtimeMs: number };
  close(): void;
}

/** Opens a file; undefined when the file no longer exists. */
export type OpenFile = (path: string) => ReadableFile | undefined;

/**
 * Opens local files. A symbolic link that has replaced one since the walk is followed. Root opens only what the server's
 * user may read: he could name any file in his configuration, or link it, and has the keys to read the backup, perhaps.
 */
export function openLocalFiles(server: { readonly uid: number; readonly gid: number }): OpenFile {
  return path => {
    const descriptor = openIfThere(path);
    if (descriptor === undefined) return undefined;
    if (process.geteuid?.() === 0 && !mayRead(server, descriptor)) {
      closeSync(descriptor);
      throw new WalvaultError(
        'local-io',
        `read ${path}: user ${server.uid}, who owns the data directory, may not read it`,
        {
          hint: 'As root a backup takes nothing that the server could not read. Give the file to that user, or to its group, or take it away.',
        },
      );
    }
    return {
      read: (target, offset, length, position) => readSync(descriptor, target, offset, length, position),
      stat: () => fstatSync(descriptor),
      close: () => closeSync(descriptor),
    };
  };
}

function mayRead(server: { readonly uid: number; readonly gid: number }, descriptor: number): boolean {
  const { uid, gid, mode } = fstatSync(descriptor);
  const needed = uid === server.uid ? 0o400 : gid === server.gid ? 0o040 : 0o004;
  return (mode & needed) !== 0;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, withoutWaiting);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
}

/** Fills the buffer, continuing after short reads; the result is short only at the end of the file. */
export function fill(
  file: ReadableFile,
  options: { readonly path: string; readonly target: Uint8Array; readonly position: number },
): number {
  const { path, target, position } = options;
  let filledBytes = 0;
  try {
    while (filledBytes < target.length) {
      const length = target.length - filledBytes;
      const bytesRead = file.read(target, filledBytes, length, position + filledBytes);
      if (bytesRead === 0) break;
      filledBytes += bytesRead;
    }
  } catch (error) {
    throw localIoError('read', path, error);
  }
  return filledBytes;
}
