/**
 * Paths and a number for each, in twelve bytes a place: a million paths as strings would take a hundred times as much.
 *
 * Only 48 bits of a digest stand for a path. Whoever asks compares the path itself before relying on the answer.
 */
import { hash } from 'node:crypto';

const digestBytes = 6;
const free = 0;

export class PathTable {
  /** Digests; a zero is a free place. */
  readonly #digests: Float64Array;
  readonly #numbers: Uint32Array;
  readonly #mask: number;

  /** @param count the most paths that it takes */
  constructor(count: number) {
    // Half full at most, so that a search is short.
    const places = 2 ** Math.ceil(Math.log2(2 * Math.max(1, count)));
    this.#digests = new Float64Array(places);
    this.#numbers = new Uint32Array(places);
    this.#mask = places - 1;
  }

  /** Adds a path, unless it has a number already. */
  add(path: string, number: number): void {
    const digest = digestOf(path);
    const place = this.#placeOf(digest);
    if (this.#digests[place] === digest) return;
    this.#digests[place] = digest;
    this.#numbers[place] = number;
  }

  get(path: string): number | undefined {
    const digest = digestOf(path);
    const place = this.#placeOf(digest);
    return this.#digests[place] === digest ? this.#numbers[place] : undefined;
  }

  /** The place of the digest, or the free one where it belongs. */
  #placeOf(digest: number): number {
    let place = (digest % (this.#mask + 1)) & this.#mask;
    while (this.#digests[place] !== free && this.#digests[place] !== digest) place = (place + 1) & this.#mask;
    return place;
  }
}

function digestOf(path: string): number {
  const digest = hash('sha1', path, 'buffer').readUIntBE(0, digestBytes);
  return digest === free ? 1 : digest;
}
