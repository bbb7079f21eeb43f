/**
 * The objects of a repository that decide nothing: they cannot be read, or the policy does not believe who wrote them.
 *
 * Whoever may add objects could otherwise stop every command with one of them. They are counted, and told once.
 */
import type { Event } from '../observe/events/events.ts';
import type { Repository } from './repository.ts';

type What = Extract<Event, { kind: 'not-believed' }>['what'];

export interface PassedOver {
  readonly key: string;
  /** A phrase that follows the key. */
  readonly problem: string;
}

/** So many are kept; the rest is only counted. */
const mostKept = 100;

interface Found {
  readonly kept: PassedOver[];
  readonly keys: Set<string>;
  count: number;
}

export class PassedOverObjects {
  readonly #found = new Map<What, Found>();

  /** Counts the object, or `objects` of which the key is the first; a key counts once. */
  add(what: What, key: string, problem: string, objects = 1): void {
    const found = this.#found.get(what) ?? { kept: [], keys: new Set<string>(), count: 0 };
    this.#found.set(what, found);
    if (found.keys.has(key)) return;
    found.keys.add(key);
    found.count += objects;
    if (found.kept.length < mostKept) found.kept.push({ key, problem });
  }

  get count(): number {
    return [...this.#found.values()].reduce((sum, found) => sum + found.count, 0);
  }

  get first(): readonly PassedOver[] {
    return [...this.#found.values()].flatMap(({ kept }) => kept).slice(0, mostKept);
  }

  /** Those of one kind that are kept. */
  of(what: What): readonly PassedOver[] {
    return this.#found.get(what)?.kept ?? [];
  }

  /** Tells of what was found so far, each kind once in a run: what is found later is only counted. */
  tell({ name, codec }: Repository): void {
    for (const [what, { kept, count }] of this.#found) {
      const [one] = kept;
      if (one === undefined) continue;
      const event = { kind: 'not-believed', repository: name, what, count } as const;
      codec.emitOnce(`${what} of ${name}`, { ...event, object: one.key, problem: one.problem });
    }
  }
}
