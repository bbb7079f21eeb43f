/** Random numbers from a seed: the same seed gives the same numbers in every run and on every machine. */
import { crc32 } from 'node:zlib';

export class Random {
  #state: number;

  constructor(seed: string | Uint8Array) {
    this.#state = crc32(seed) | 0;
  }

  /** A whole number from 0 up to `limit`, exclusive. */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  /** True once in `times`. */
  onceIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** A whole number from 1 up to `limit`: small ones more often, each size of number as often as the next. */
  small(limit: number): number {
    return 1 + this.below(Math.min(limit, 2 ** (1 + this.below(1 + Math.ceil(Math.log2(limit))))));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  bytes(sizeBytes: number): Buffer {
    const bytes = Buffer.alloc(sizeBytes);
    for (let at = 0; at < sizeBytes; at++) bytes[at] = this.below(256);
    return bytes;
  }

  /** Mulberry32 (Tommy Ettinger, public domain): 32 bits. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
