/**
 * CRCs of long buffers at the speed of memory. JavaScript cannot use the processor's CRC instructions, and tables work
 * on a byte or a word at a time.
 *
 * A CRC is the remainder of a message by a polynomial P. Where y = x^128 stands for a block of 16 bytes, and P divides
 * y^n + … + y^a + 1, a block may be removed if it is added (xor) to the blocks at the distances that the other terms
 * name: the remainder stays the same. So all blocks but the last n are folded into later blocks, with a few vector
 * operations each, and only the rest passes through a table. (K. Russell, "Chorba: A novel CRC32 implementation", 2024,
 * folds words in the same way.) The multiples of P with few terms were found by search; with wrong ones the tests fail.
 */
import { foldMemoryBytes, makeFold, type Fold } from './fold-module.ts';

/** Distances in blocks, ascending. */
export type FoldDistances = readonly number[];

/** zlib's polynomial, `x^32 + x^26 + x^23 + …`, divides `y^300 + y^155 + y^117 + y^89 + 1`. */
export const crc32Distances: FoldDistances = [145, 183, 211, 300];
/** Castagnoli's polynomial divides `y^209 + y^144 + y^54 + y^39 + y^14 + 1`. */
export const crc32cDistances: FoldDistances = [65, 155, 170, 195, 209];

const blockBytes = 16;

/** A folder for one polynomial. Its calls must not overlap; in one thread they cannot. */
export class CrcFolder {
  /** Shorter data is quicker through the tables. */
  static readonly leastBytes = 32 * 1024;

  readonly #memory: Uint8Array;
  readonly #fold: Fold;
  /** The longest distance between a block and a block that it is added to. */
  readonly #windowBytes: number;
  /** The length folded in one call: it lies in memory between the window before it and the window left after it. */
  readonly #stepBytes: number;

  constructor(distances: FoldDistances) {
    this.#windowBytes = Math.max(...distances) * blockBytes;
    this.#stepBytes = foldMemoryBytes - 2 * this.#windowBytes - blockBytes;
    const { memory, fold } = makeFold(distances.map(distance => distance * blockBytes));
    this.#memory = memory;
    this.#fold = fold;
  }

  /**
   * A short message whose checksum, begun at zero, is that of `data`; valid until the next call.
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
    // The blocks that stay are added to zeros.
    memory.fill(0, window, 2 * window);
    this.#fold(window + this.#stepBytes, 0, 2 * window + this.#stepBytes);
    return rest;
  }
}

/** Adds the state to the first bytes: the checksum of the result, begun at zero, equals the one begun with the state. */
function addRegister(start: Uint8Array, register: number): void {
  start.forEach((byte, index) => {
    start[index] = byte ^ ((register >>> (8 * index)) & 0xff);
  });
}
