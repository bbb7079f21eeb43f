/**
 * A temporary file for what a running backup knows of its files: a million files must not be a million objects in
 * memory (P9).
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

import { localIoError, WalvaultError } from '../../../base/errors/errors.ts';
import { writeAll } from '../../../base/files/durable.ts';

const batchBytes = 256 * 1024;
const readBytes = 256 * 1024;

/**
 * A file without a name: it disappears when the process ends, however that happens. Its content can be read back from
 * the beginning any number of times.
 */
export class Spool implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #directory: string;
  #batch: Uint8Array[] = [];
  #batchedBytes = 0;
  #sizeBytes = 0;
  #written = Promise.resolve();

  private constructor(handle: FileHandle, directory: string) {
    this.#handle = handle;
    this.#directory = directory;
  }

  /** @throws WalvaultError `local-io` */
  static async create(directory: string = tmpdir()): Promise<Spool> {
    const path = join(directory, `.walvault-spool.${randomBytes(8).toString('hex')}`);
    try {
      const handle = await open(path, 'wx+', 0o600);
      await rm(path);
      return new Spool(handle, directory);
    } catch (error) {
      throw explained(localIoError('create', path, error));
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The number of the open file, for other threads of this process: they see what was read back here, or flushed. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** @throws WalvaultError `local-io` */
  async append(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.#batch.push(bytes);
    this.#batchedBytes += bytes.length;
    this.#sizeBytes += bytes.length;
    if (this.#batchedBytes >= batchBytes) await this.#flush();
  }

  /**
   * Writes at a position, into a file that nothing is appended to. What was never written reads as zeros.
   * @throws WalvaultError `local-io`
   */
  async write(position: number, bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#handle, bytes, position);
    } catch (error) {
      throw explained(localIoError('write a temporary file in', this.#directory, error));
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, position + bytes.length);
  }

  /** Everything so far, or from `start` up to `end`, exclusive. Each chunk is a buffer of its own. */
  async *read(start = 0, end = this.#sizeBytes): AsyncGenerator<Uint8Array> {
    await this.#flush();
    for (let position = start; position < end;) {
      const length = Math.min(readBytes, end - position);
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, position);
      if (bytesRead === 0) throw new Error('a spool file has become shorter');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /** Returns when everything so far is in the file: what another caller has begun to write, too. */
  async #flush(): Promise<void> {
    if (this.#batchedBytes > 0) {
      const data = Buffer.concat(this.#batch, this.#batchedBytes);
      this.#batch = [];
      this.#batchedBytes = 0;
      this.#written = this.#written.then(async () => await this.#writeNext(data));
    }
    await this.#written;
  }

  async #writeNext(data: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#handle, data);
    } catch (error) {
      throw explained(localIoError('write a temporary file in', this.#directory, error));
    }
  }
}

function explained({ code, message, cause }: WalvaultError): WalvaultError {
  return new WalvaultError(code, message, {
    cause,
    hint: 'A backup needs a directory for temporary files, with about 400 bytes of space for each file of the cluster, and for an incremental one a thousandth of the size of the cluster: name one in TMPDIR.',
  });
}
