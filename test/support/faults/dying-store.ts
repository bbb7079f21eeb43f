/** A store whose caller dies at its nth request, as by kill -9: a deletion of many keys may then be half done. */
import { overrideStore } from '../site/archive.ts';
import type { Store } from '../../../src/stores/store.ts';

export class Killed extends Error {
  override readonly name = 'Killed';
}

export interface DyingStore {
  readonly store: Store;
  readonly requests: () => number;
}

/** @param diesAt the request that is the last one; `share` of its keys are deleted before */
export function dyingStore(alive: Store, diesAt: number, share: number): DyingStore {
  let requests = 0;
  const isLast = () => {
    requests += 1;
    if (requests > diesAt) throw new Killed(`after request ${diesAt}`);
    return requests === diesAt;
  };
  const store = overrideStore(alive, {
    async put(key, body, options) {
      const dies = isLast();
      // The object is there, and nobody has heard of it.
      await alive.put(key, body, options);
      if (dies) throw new Killed(`while ${key} was put`);
    },
    async get(key, options) {
      if (isLast()) throw new Killed(`while ${key} was read`);
      return await alive.get(key, options);
    },
    async head(key, options) {
      if (isLast()) throw new Killed(`while ${key} was looked at`);
      return await alive.head(key, options);
    },
    async *list(options) {
      if (isLast()) throw new Killed(`while ${options.prefix} was listed`);
      yield* alive.list(options);
    },
    async delete(keys, options) {
      const dies = isLast();
      const some = dies ? keys.slice(0, Math.floor(keys.length * share)) : keys;
      const failures = await alive.delete(some, options);
      if (dies) throw new Killed(`while ${keys.length} keys were deleted`);
      return failures;
    },
  });
  return { store, requests: () => requests };
}
