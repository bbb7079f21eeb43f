/**
 * A bucket of millions of objects that are computed when they are listed, beside the few that were really put. It lists by
 * pages of a thousand, as services do.
 */
import { keysInPage } from '../../../src/repository/wal/shards.ts';

/** Objects that a formula gives, in the ascending order of their keys. */
export interface ComputedObjects {
  readonly count: number;
  keyOf(index: number): string;
  objectOf(index: number): ComputedObject;
}

export interface ComputedObject {
  readonly sizeBytes: number;
  readonly modified: Date;
  /** Undefined where nobody reads it. */
  readonly body?: Buffer;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface BucketPage {
  /** Keys and, with a delimiter, common prefixes, in one order. */
  readonly entries: readonly (({ readonly key: string } & ComputedObject) | { readonly prefix: string })[];
  /** After this name the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

export interface PageRequest {
  readonly prefix: string;
  readonly after: string;
  readonly delimiter?: string | undefined;
}

export class SimulatedBucket {
  readonly #computed: readonly ComputedObjects[];
  readonly #deleted = new Set<string>();
  readonly #put = new Map<string, ComputedObject>();
  #putKeys: readonly string[] | undefined;

  constructor(computed: readonly ComputedObjects[]) {
    this.#computed = computed;
  }

  find(key: string): ComputedObject | undefined {
    const put = this.#put.get(key);
    if (put !== undefined || this.#deleted.has(key)) return put;
    for (const objects of this.#computed) {
      const index = firstFrom(objects.count, at => objects.keyOf(at) >= key);
      if (index < objects.count && objects.keyOf(index) === key) return objects.objectOf(index);
    }
    return undefined;
  }

  put(key: string, object: ComputedObject): void {
    this.#put.set(key, object);
    this.#putKeys = undefined;
  }

  delete(key: string): void {
    this.#deleted.add(key);
    if (this.#put.delete(key)) this.#putKeys = undefined;
  }

  page({ prefix, after, delimiter }: PageRequest): BucketPage {
    const cursors = this.#sources().map(source => new Cursor(source));
    // The first name that may come: what follows `after`, and what begins with the prefix.
    for (const cursor of cursors) cursor.moveTo(after >= prefix ? `${after}\0` : prefix);
    const entries: BucketPage['entries'][number][] = [];
    for (;;) {
      const cursor = lowest(cursors);
      const key = cursor?.key;
      if (cursor === undefined || key === undefined || !key.startsWith(prefix))
        return { entries, next: undefined };
      const last = entries.at(-1);
      if (entries.length === keysInPage && last !== undefined)
        return { entries, next: 'key' in last ? last.key : last.prefix };
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      if (cut === -1) {
        if (!this.#deleted.has(key) || this.#put.has(key)) entries.push({ key, ...cursor.object() });
        cursor.next();
      } else {
        const group = key.slice(0, cut + 1);
        if (group > after) entries.push({ prefix: group });
        for (const each of cursors) each.moveTo(`${group.slice(0, -1)}0`);
      }
    }
  }

  #sources(): readonly ComputedObjects[] {
    const keys = (this.#putKeys ??= [...this.#put.keys()].sort());
    const objectOf = (index: number): ComputedObject => {
      const found = this.#put.get(keys[index] ?? '');
      if (found === undefined) throw new RangeError(`no object ${index}`);
      return found;
    };
    return [...this.#computed, { count: keys.length, keyOf: index => keys[index] ?? '', objectOf }];
  }
}

class Cursor {
  readonly #objects: ComputedObjects;
  #index = 0;

  constructor(objects: ComputedObjects) {
    this.#objects = objects;
  }

  get key(): string | undefined {
    return this.#index < this.#objects.count ? this.#objects.keyOf(this.#index) : undefined;
  }

  object(): ComputedObject {
    return this.#objects.objectOf(this.#index);
  }

  next(): void {
    this.#index++;
  }

  /** To the first key that is not below `name`; never back. */
  moveTo(name: string): void {
    const first = firstFrom(this.#objects.count, at => this.#objects.keyOf(at) >= name);
    this.#index = Math.max(this.#index, first);
  }
}

function lowest(cursors: readonly Cursor[]): Cursor | undefined {
  let found: { readonly cursor: Cursor; readonly key: string } | undefined;
  for (const cursor of cursors) {
    const { key } = cursor;
    if (key !== undefined && (found === undefined || key < found.key)) found = { cursor, key };
  }
  return found?.cursor;
}

/** The first number below `count` for which `holds` is true, as it is for all after it; `count` if there is none. */
function firstFrom(count: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
