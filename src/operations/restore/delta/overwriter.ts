/** The writing over a file that is there: only the pieces that differ. */
import { constants } from 'node:fs';
import { chmod, lstat, rm } from 'node:fs/promises';
import { systemCode } from '../../../base/errors/errors.ts';
import type { OpenFile } from '../../../base/files/calls.ts';
import { writeAll } from '../../../base/files/durable.ts';
import type { Open } from '../created-file.ts';

/** The smallest piece that is written: PostgreSQL's usual page. */
const pieceBytes = 8192;

/**
 * Opens the file at `path` to write over it, and gives it its mode. Anything else there, a link, a directory, a pipe, is removed and never opened; so is a
 * file that has another name, which would change there, too.
 * @returns undefined where nothing is there any more
 * @throws system errors
 */
export async function openExisting<F extends OpenFile>(
  path: string,
  mode: number,
  open: Open<F>,
): Promise<F | undefined> {
  const isFile = await isOwnFile(path);
  if (isFile === undefined) return undefined;
  if (!isFile) {
    await rm(path, { recursive: true });
    return undefined;
  }
  const handle = await openOwn(path, open);
  try {
    if (((await handle.stat()).mode & 0o7777) !== mode) await handle.chmod(mode);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that its owner may not write has lost its permissions. */
async function openOwn<F>(path: string, open: Open<F>): Promise<F> {
  const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return await open(path, flags);
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error;
    await chmod(path, 0o600);
    return await open(path, flags);
  }
}

/** Undefined where nothing is there. */
async function isOwnFile(path: string): Promise<boolean | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() && stats.nlink === 1;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes from the beginning of an open file to its new end. What is equal already is not written. Nothing is durable before fsync. */
export class Overwriter implements AsyncDisposable {
  readonly #file: OpenFile;
  #position = 0;
  #there = Buffer.alloc(0);

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** @throws system errors */
  async write(bytes: Uint8Array): Promise<void> {
    const thereBytes = await this.#read(bytes.length);
    for (const { start, end } of differingRanges(bytes, this.#there.subarray(0, thereBytes)))
      await writeAll(this.#file, bytes.subarray(start, end), this.#position + start);
    this.#position += bytes.length;
  }

  /** Cuts what the file has beyond. @throws system errors */
  async end(): Promise<void> {
    const { size } = await this.#file.stat();
    if (size > this.#position) await this.#file.truncate(this.#position);
  }

  /** Leaves the file itself open. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is under way between two calls.
  }

  async #read(sizeBytes: number): Promise<number> {
    if (this.#there.length < sizeBytes) this.#there = Buffer.allocUnsafe(sizeBytes);
    let readBytes = 0;
    while (readBytes < sizeBytes) {
      const at = this.#position + readBytes;
      const { bytesRead } = await this.#file.read(this.#there, readBytes, sizeBytes - readBytes, at);
      if (bytesRead === 0) break;
      readBytes += bytesRead;
    }
    return readBytes;
  }
}

/** The ranges of `bytes` that are not what is there, in whole pieces. Those beyond the end of what is there are among them. Pure. */
export function* differingRanges(
  bytes: Uint8Array,
  there: Uint8Array,
): Generator<{ readonly start: number; readonly end: number }> {
  let start: number | undefined;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const end = Math.min(at + pieceBytes, bytes.length);
    const isSame =
      end <= there.length && Buffer.compare(bytes.subarray(at, end), there.subarray(at, end)) === 0;
    if (!isSame) start ??= at;
    else if (start !== undefined) {
      yield { start, end: at };
      start = undefined;
    }
  }
  if (start !== undefined) yield { start, end: bytes.length };
}
