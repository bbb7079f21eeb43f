/**
 * Whole files, each read up to a limit that the caller must state: what lies under a name may be anything, and without an
 * end. By calls that `process.getActiveResourcesInfo` shows: Node 24 shows its `readFile`, but Node 26 does not, and there
 * `exit` in main.ts could not know that a read hangs (ADR 4).
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { open, stat, type OpenFile } from './calls.ts';
import { findReplacer, findReplacerSync } from './outsider.ts';

/** For `open`. To open a named pipe would wait for a writer, perhaps for ever; for files O_NONBLOCK means nothing. */
export const withoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Opens a file to read it. A named pipe is waited for only where nobody but root and this account can have put it there,
 * such as that of `<(command)` in a shell.
 * @throws system errors; ENXIO for any other named pipe
 */
export async function openToRead(path: string): Promise<OpenFile> {
  if ((await stat(path)).isFIFO() && (await findReplacer(path)) === undefined) return await open(path, 'r');
  const handle = await open(path, withoutWaiting);
  if (!(await handle.stat()).isFIFO()) return handle;
  await handle.close();
  throw namedPipe();
}

/** As `openToRead`. */
function openToReadNow(path: string): number {
  if (statSync(path).isFIFO() && findReplacerSync(path) === undefined) return openSync(path, 'r');
  const descriptor = openSync(path, withoutWaiting);
  if (!fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  throw namedPipe();
}

/** @throws system errors; EFBIG for a file that is larger, ENXIO for a named pipe as `openToRead` */
export async function readWhole(path: string, limitBytes: number): Promise<Buffer> {
  const handle = await openToRead(path);
  try {
    return await readOpened(handle, limitBytes);
  } finally {
    await handle.close();
  }
}

/** The file as UTF-8 text. @throws system errors; EFBIG for a file that is larger */
export async function readText(path: string, limitBytes: number): Promise<string> {
  return (await readWhole(path, limitBytes)).toString('utf8');
}

/** The rest of an open file. @throws system errors; EFBIG for a file that is larger */
export async function readOpened(handle: OpenFile, limitBytes: number): Promise<Buffer> {
  const content = new Content(limitBytes);
  for (let buffer = content.room(); ; buffer = content.room()) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (!content.take(bytesRead)) return content.whole();
  }
}

/** A chunk is valid until the next one is asked for. @throws system errors; EFBIG behind the limit, ENXIO for a named pipe */
export async function* readInChunks(
  path: string,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const handle = await openToRead(path);
  try {
    const buffer = Buffer.allocUnsafe(stepBytes);
    for (let sizeBytes = 0; ;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      sizeBytes += bytesRead;
      if (sizeBytes > limitBytes) throw tooLarge();
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** As `readWhole`, synchronously. */
export function readWholeNow(path: string, limitBytes: number): Buffer {
  const descriptor = openToReadNow(path);
  try {
    const content = new Content(limitBytes);
    for (let buffer = content.room(); ; buffer = content.room())
      if (!content.take(readSync(descriptor, buffer, 0, buffer.length, null))) return content.whole();
  } finally {
    closeSync(descriptor);
  }
}

/** As the system says it, so that every caller has words for it. */
function tooLarge(): Error {
  return Object.assign(new Error('file too large'), { code: 'EFBIG' });
}

/** As open(2) says it of a pipe without a reader. */
function namedPipe(): Error {
  return Object.assign(new Error('a named pipe'), { code: 'ENXIO' });
}

const stepBytes = 64 * 1024;

class Content {
  readonly #limitBytes: number;
  readonly #pieces: Buffer[] = [];
  #sizeBytes = 0;
  #buffer = Buffer.alloc(0);

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** For the next bytes, and for one more than may come. */
  room(): Buffer {
    this.#buffer = Buffer.allocUnsafe(Math.min(stepBytes, this.#limitBytes - this.#sizeBytes + 1));
    return this.#buffer;
  }

  /** Takes what was read into the room; false at the end of the file. */
  take(bytesRead: number): boolean {
    if (bytesRead === 0) return false;
    this.#sizeBytes += bytesRead;
    if (this.#sizeBytes > this.#limitBytes) throw tooLarge();
    this.#pieces.push(this.#buffer.subarray(0, bytesRead));
    return true;
  }

  whole(): Buffer {
    return Buffer.concat(this.#pieces, this.#sizeBytes);
  }
}
