/** A reader that cuts a stream into parts of one size, in a few buffers that it uses again. */
import type { BodyCheck } from './body.ts';

export interface Part {
  readonly data: Uint8Array;
  readonly isLast: boolean;
  /** Gives the buffer back for the next part. */
  release(): void;
}

export class PartReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #check: BodyCheck;
  readonly #partSizeBytes: number;
  readonly #free: Buffer[] = [];
  #rest: Uint8Array | undefined;
  #isDone = false;

  constructor(source: AsyncIterable<Uint8Array>, check: BodyCheck, partSizeBytes: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#check = check;
    this.#partSizeBytes = partSizeBytes;
  }

  /** The next part, or undefined after the last. Throws the errors of the stream, and `invalid` if it is too long. */
  async next(signal: AbortSignal): Promise<Part | undefined> {
    if (this.#isDone && this.#rest === undefined) return undefined;
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#partSizeBytes);
    let filled = 0;
    while (filled < buffer.length) {
      const chunk = await this.#take(signal);
      if (chunk === undefined) break;
      const taken = Math.min(chunk.length, buffer.length - filled);
      buffer.set(chunk.subarray(0, taken), filled);
      filled += taken;
      this.#rest = taken < chunk.length ? chunk.subarray(taken) : undefined;
    }
    // Look one chunk ahead, so that a stream of exactly one part does not look like a longer one.
    this.#rest ??= await this.#take(signal);
    if (filled === 0) return undefined;
    return {
      data: buffer.subarray(0, filled),
      isLast: this.#rest === undefined,
      release: () => {
        this.#free.push(buffer);
      },
    };
  }

  /** Lets the source clean up if the upload ends before the stream. */
  async close(): Promise<void> {
    if (!this.#isDone) await this.#source.return?.();
  }

  async #take(signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#rest !== undefined) {
      const rest = this.#rest;
      this.#rest = undefined;
      return rest;
    }
    while (!this.#isDone) {
      signal.throwIfAborted();
      const next = await this.#source.next();
      if (next.done === true) {
        this.#isDone = true;
        break;
      }
      this.#check.update(next.value);
      if (next.value.length > 0) return next.value;
    }
    return undefined;
  }
}
