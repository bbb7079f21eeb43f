/** Numbers that follow from a seed alone, so that a run can be repeated: mulberry32 (Tommy Ettinger, public domain). */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @throws Error where there is nothing to pick from */
  pick<Item>(items: readonly Item[]): Item {
    return pickBy(this.next(), items);
  }
}

/** The item at `choice`, a number from 0 to below 1, of the way. @throws Error where there is none */
export function pickBy<Item>(choice: number, items: readonly Item[]): Item {
  const item = items[Math.floor(choice * items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}
