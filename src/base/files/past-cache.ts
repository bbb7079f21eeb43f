/**
 * Writing past the page cache (O_DIRECT, open(2)). A server needs the memory for its own files, and on a virtual machine a
 * copy to fresh pages of the cache takes several times as long as the disk.
 */
import { constants } from 'node:fs';
import { pagedBuffer } from '../bytes/aligned-buffer.ts';
import { systemCode } from '../errors/errors.ts';
import { open, type OpenFile } from './calls.ts';
import { writeAll } from './durable.ts';

/**
 * A second descriptor of an open file: a new file that could not be opened like this would be there all the same.
 * @throws system errors: not on this file system, no /proc, no right to open the file again
 */
export async function openPastCache({ fd }: OpenFile): Promise<OpenFile> {
  return await open(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_DIRECT);
}

/** Disks are at their fastest from here on. */
const bufferBytes = 1024 * 1024;
/** Buffers that no file uses at the moment: the kernel gives each page of a new one at a fault. */
const idleBuffers: Buffer[] = [];
const mostIdleBuffers = 4;

/**
 * Writes an empty file from its beginning to its end, in large pieces past the page cache where the file system takes that.
 * While one piece is written, the next one is filled. What is left at the end, and so all of a small file, goes through
 * the cache. Nothing is durable before fsync.
 */
export class SequentialWriter implements AsyncDisposable {
  readonly #file: OpenFile;
  /** Undefined once the file system has refused. */
  #pastCache: Promise<OpenFile | undefined> | undefined;
  #filling: Buffer | undefined;
  #filledBytes = 0;
  /** Of the buffer that is filled. */
  #position = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** Takes a copy of the bytes. @throws system errors, also those of what was written before */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const buffer = (this.#filling ??= idleBuffers.pop() ?? pagedBuffer(bufferBytes));
      const piece = bytes.subarray(at, at + bufferBytes - this.#filledBytes);
      buffer.set(piece, this.#filledBytes);
      at += piece.length;
      this.#filledBytes += piece.length;
      if (this.#filledBytes === bufferBytes) await this.#beginToWrite(buffer);
    }
  }

  /** Waits for the piece that is being written: for a source that would run ahead otherwise. @throws system errors */
  async keepUp(): Promise<void> {
    await this.#underWay;
  }

  /** Returns when all bytes are written. @throws system errors */
  async end(): Promise<void> {
    await this.#underWay;
    if (this.#filling === undefined) return;
    await writeAll(this.#file, this.#filling.subarray(0, this.#filledBytes), this.#position);
    this.#giveBack(this.#filling);
    this.#filling = undefined;
  }

  /** Waits for the piece that is being written, and leaves the file itself open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#underWay.catch(() => undefined);
    await (await this.#pastCache)?.close();
  }

  async #beginToWrite(buffer: Buffer): Promise<void> {
    await this.#underWay;
    const position = this.#position;
    this.#filling = undefined;
    this.#filledBytes = 0;
    this.#position += bufferBytes;
    this.#underWay = this.#writePiece(buffer, position);
    // Who comes next is told.
    this.#underWay.catch(() => undefined);
  }

  async #writePiece(buffer: Buffer, position: number): Promise<void> {
    this.#pastCache ??= openPastCache(this.#file).catch(passOver);
    const writtenBytes = await this.#writePastCache(buffer, position);
    if (writtenBytes < buffer.length)
      await writeAll(this.#file, buffer.subarray(writtenBytes), position + writtenBytes);
    this.#giveBack(buffer);
  }

  /** @returns how many bytes; what is wrong otherwise the ordinary write meets, too */
  async #writePastCache(buffer: Buffer, position: number): Promise<number> {
    const file = await this.#pastCache;
    if (file === undefined) return 0;
    try {
      return (await file.write(buffer, 0, buffer.length, position)).bytesWritten;
    } catch (error) {
      passOver(error);
      this.#pastCache = Promise.resolve(undefined);
      await file.close();
      return 0;
    }
  }

  #giveBack(buffer: Buffer): void {
    if (idleBuffers.length < mostIdleBuffers) idleBuffers.push(buffer);
  }
}

function passOver(error: unknown): undefined {
  if (systemCode(error) === undefined) throw error;
}
