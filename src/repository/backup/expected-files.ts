/**
 * The files that a part must have, taken one by one as its tar has them. Usually that is the manifest's order; a file that
 * comes earlier is looked for further on, and what was passed over waits, within a bound.
 */
import { countBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ManifestEntry } from '../format/manifest.ts';

const { limit: mostPassedOver } = countBounds.filesOutOfOrder;

/** A part does not hold what the manifest says of it, although both could be read. */
export class ManifestMismatch extends WalvaultError {
  constructor(message: string) {
    super('damaged', message);
  }
}

export class ExpectedFiles {
  readonly #entries: AsyncGenerator<ManifestEntry>;
  readonly #passedOver = new Map<string, ManifestEntry>();

  constructor(entries: AsyncGenerator<ManifestEntry>) {
    this.#entries = entries;
  }

  /** @throws WalvaultError `damaged` for a file that should not be there, or not here */
  async take(path: string): Promise<ManifestEntry> {
    const waiting = this.#passedOver.get(path);
    if (waiting !== undefined) {
      this.#passedOver.delete(path);
      return waiting;
    }
    while (this.#passedOver.size <= mostPassedOver) {
      const next = await this.#entries.next();
      if (next.done === true) break;
      if (next.value.path === path) return next.value;
      this.#passedOver.set(next.value.path, next.value);
    }
    throw unexpected(path);
  }

  /** True if this file is the next one of the list. */
  async isNext(path: string): Promise<boolean> {
    if (this.#passedOver.size === 0) {
      const next = await this.#entries.next();
      if (next.done !== true) this.#passedOver.set(next.value.path, next.value);
    }
    return this.#passedOver.has(path);
  }

  /** The path of a file that was not taken. */
  async rest(): Promise<string | undefined> {
    const [first] = this.#passedOver.keys();
    if (first !== undefined) return first;
    const next = await this.#entries.next();
    return next.done === true ? undefined : next.value.path;
  }
}

export function unexpected(path: string): ManifestMismatch {
  return new ManifestMismatch(`"${path}" is not in the manifest at this place`);
}
