/** A checksum that gathers short chunks into long buffers first, which are quicker to compute. */
const gatheredBytes = 256 * 1024;

export class GatheredChecksum {
  readonly #update: (data: Uint8Array) => void;
  #gathered: Buffer | undefined;
  #filled = 0;

  /** @param update is given all bytes in order, in pieces of its own; it must not keep them */
  constructor(update: (data: Uint8Array) => void) {
    this.#update = update;
  }

  /** On return the chunk has been copied or processed: the caller may reuse it. */
  update(chunk: Uint8Array): void {
    if (this.#filled === 0 && chunk.length >= gatheredBytes) {
      this.#update(chunk);
      return;
    }
    this.#gathered ??= Buffer.allocUnsafeSlow(gatheredBytes);
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(chunk.length - at, gatheredBytes - this.#filled);
      this.#gathered.set(chunk.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === gatheredBytes) this.finish();
    }
  }

  /** Must be called before the checksum is read. */
  finish(): void {
    if (this.#gathered === undefined || this.#filled === 0) return;
    const filled = this.#filled;
    this.#filled = 0;
    this.#update(this.#gathered.subarray(0, filled));
  }
}
