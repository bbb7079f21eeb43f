/**
 * Local files made durable: when a function here returns, the file and its directory entry are on disk.
 * PostgreSQL does the same in fd.c (durable_rename) for the same reason.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { localIoError, systemCode } from '../errors/errors.ts';
import { link, open, removeIfThere, rename, unlink, type OpenFile } from './calls.ts';

/** fsyncs a directory so that the entries made in it survive a power cut. */
export async function fsyncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A temporary name beside `path`: hidden, recognisable, never a valid WAL or object name. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

export interface WriteOptions {
  readonly mode?: number;
  /** `replace`: rename over an existing file. `create`: fail with EEXIST if the name is taken, by link(2). */
  readonly as?: 'replace' | 'create';
  /** The path in messages, where `path` is one through an open directory. */
  readonly shownPath?: string;
}

/**
 * Writes a whole file under a temporary name, fsyncs it, gives it its name atomically and fsyncs the directory.
 * A reader sees the old file or the whole new file, also after a crash.
 * @throws WalvaultError `local-io`; with `as: 'create'` a taken name comes as a system error EEXIST.
 */
export async function writeFileDurably(
  path: string,
  data: Uint8Array | string | AsyncIterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<void> {
  const temporary = temporaryName(path);
  let handle: OpenFile | undefined;
  try {
    handle = await open(temporary, 'wx', options.mode ?? 0o600);
    if (typeof data === 'string' || data instanceof Uint8Array) await handle.writeFile(data);
    else for await (const chunk of data) await writeAll(handle, chunk);
    await handle.sync();
    await handle.close();
    handle = undefined;
    if (options.as === 'create') {
      await link(temporary, path);
      await unlink(temporary);
    } else {
      await rename(temporary, path);
    }
    await fsyncDirectory(dirname(path));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await removeIfThere(temporary).catch(() => undefined);
    if (systemCode(error) === 'EEXIST') throw error;
    throw localIoError('write', options.shownPath ?? path, error);
  }
}

/**
 * Writes every byte of `chunk`, at the handle's position or at the one given: a short write is continued, never ignored.
 */
export async function writeAll(handle: OpenFile, chunk: Uint8Array, position?: number): Promise<void> {
  let offset = 0;
  while (offset < chunk.length) {
    const at = position === undefined ? null : position + offset;
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset, at);
    offset += bytesWritten;
  }
}
