/**
 * Checksums of long buffers at the speed of memory. The processor's instructions for it are out of reach, and tables
 * take a byte or a word at a time.
 *
 * A CRC is the remainder of a message by a polynomial P. Where y = x^128 stands for a block of 16 bytes, and P divides
 * y^n + … + y^a + 1, a block may be taken away if it is added (xor) to those at the distances that the other terms say:
 * the remainder stays. So all blocks but the last n are folded into those behind them, a few vector operations each, and
 * only what is left passes through a table. (K. Russell, "Chorba: A novel CRC32 implementation", 2024, folds words in
 * the same way.) The multiples of P with few terms were found by search; the tests would not pass with any other.
 */
import { foldMemoryBytes, makeFold, type Fold } from './fold-module.ts';

/** Distances in blocks, ascending. */
export type FoldDistances = readonly number[];

/** `x^32 + x^26 + x^23 + …`, the one of zlib, divides `y^300 + y^155 + y^117 + y^89 + 1`. */
export const crc32Distances: FoldDistances = [145, 183, 211, 300];
/** Castagnoli's divides `y^209 + y^144 + y^54 + y^39 + y^14 + 1`. */
export const crc32cDistances: FoldDistances = [65, 155, 170, 195, 209];

const blockBytes = 16;

/** Its calls must not overlap, which in one thread they cannot. */
export class CrcFolder {
  /** For less it is not worth it. */
  static readonly leastBytes = 32 * 1024;

  readonly #memory: Uint8Array;
  readonly #fold: Fold;
  /** How far behind a block those lie that it is added to. */
  readonly #windowBytes: number;
  /** What is folded at once: memory holds it between the window before it and the one that is left at the end. */
  readonly #stepBytes: number;

  constructor(distances: FoldDistances) {
    this.#windowBytes = Math.max(...distances) * blockBytes;
    this.#stepBytes = foldMemoryBytes - 2 * this.#windowBytes - blockBytes;
    const { memory, fold } = makeFold(distances.map(distance => distance * blockBytes));
    this.#memory = memory;
    this.#fold = fold;
  }

  /**
   * A short message with the same checksum as `data` if that begins at zero; valid until the next call.
   * @param data at least `leastBytes`
   * @param register the state of the checksum before `data`, not inverted, reflected as tables use it
   */
  fold(data: Uint8Array, register: number): Uint8Array {
    const memory = this.#memory;
    const window = this.#windowBytes;
    const foldedBytes = data.length - window - ((data.length - window) % blockBytes);
    memory.fill(0, 0, window);
    for (let at = 0; at < foldedBytes; at += this.#stepBytes) {
      const sizeBytes = Math.min(this.#stepBytes, foldedBytes - at);
      memory.set(data.subarray(at, at + sizeBytes), window);
      if (at === 0) addRegister(memory.subarray(window, window + 4), register);
      this.#fold(window, 0, window + sizeBytes);
      memory.copyWithin(0, sizeBytes, sizeBytes + window);
    }
    const rest = memory.subarray(window + this.#stepBytes).subarray(0, data.length - foldedBytes);
    rest.set(data.subarray(foldedBytes));
    // What stays is added to nothing.
    memory.fill(0, window, 2 * window);
    this.#fold(window + this.#stepBytes, 0, 2 * window + this.#stepBytes);
    return rest;
  }
}

/** A checksum that begins with this state is that of the message with it added to its first bytes, begun at zero. */
function addRegister(start: Uint8Array, register: number): void {
  start.forEach((byte, index) => {
    start[index] = byte ^ ((register >>> (8 * index)) & 0xff);
  });
}
