/**
 * A reader that takes exact numbers of bytes from a stream, for parsers of packets, frames or tar blocks.
 * It holds no more than one chunk of the source.
 */
import type { ByteStream } from '../base/bytes/streams.ts';
import { WalvaultError } from '../base/errors/errors.ts';

export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #what: string;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;

  /** `what` names the stream in the error for an early end. */
  constructor(source: ByteStream, what: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#what = what;
  }

  /**
   * Exactly `sizeBytes` bytes. The caller must have checked that this is not too much for memory.
   * @throws WalvaultError `damaged` if the stream ends before
   */
  async exactly(sizeBytes: number): Promise<Buffer> {
    if (this.#rest.length < sizeBytes) return await this.#gather(sizeBytes);
    return this.#take(sizeBytes);
  }

  /** One byte, or undefined at the end of the stream. */
  async byteOrEnd(): Promise<number | undefined> {
    if (await this.isAtEnd()) return undefined;
    return this.#take(1)[0];
  }

  /** Between 1 and `maxBytes` bytes without a copy; undefined at the end of the stream. */
  async some(maxBytes: number): Promise<Buffer | undefined> {
    if (await this.isAtEnd()) return undefined;
    return this.#take(Math.min(maxBytes, this.#rest.length));
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      if (this.#ended) return true;
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else this.#rest = next.value;
    }
    return false;
  }

  /** The error for a stream that ends too early. */
  endsEarly(): WalvaultError {
    return new WalvaultError('damaged', `${this.#what}: ends early`);
  }

  /** Tells the source that it will not be read further. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#rest = new Uint8Array(0);
    await this.#source.return?.();
  }

  async #gather(sizeBytes: number): Promise<Buffer> {
    const gathered = Buffer.allocUnsafe(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const part = await this.some(sizeBytes - filled);
      if (part === undefined) throw this.endsEarly();
      gathered.set(part, filled);
      filled += part.length;
    }
    return gathered;
  }

  #take(sizeBytes: number): Buffer {
    const { buffer, byteOffset } = this.#rest;
    this.#rest = this.#rest.subarray(sizeBytes);
    return Buffer.from(buffer, byteOffset, sizeBytes);
  }
}
