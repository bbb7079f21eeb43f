import type { Store } from '../store.ts';

/** The inner store with some methods replaced. Optional methods are there only where the inner store has them. */
export function withMethods(inner: Store, methods: Partial<Store>): Store {
  const makeDurable = inner.makeDurable?.bind(inner);
  const refusesWrongChecksum = inner.refusesWrongChecksum?.bind(inner);
  const joinsOnlyIfAbsent = inner.joinsOnlyIfAbsent?.bind(inner);
  const listUnfinished = inner.listUnfinished?.bind(inner);
  const removeUnfinished = inner.removeUnfinished?.bind(inner);
  const thaw = inner.thaw?.bind(inner);
  return {
    url: inner.url,
    capabilities: inner.capabilities,
    put: (key, body, options) => inner.put(key, body, options),
    get: (key, options) => inner.get(key, options),
    head: (key, options) => inner.head(key, options),
    list: options => inner.list(options),
    delete: (keys, options) => inner.delete(keys, options),
    ...(makeDurable && { makeDurable }),
    ...(refusesWrongChecksum && { refusesWrongChecksum }),
    ...(joinsOnlyIfAbsent && { joinsOnlyIfAbsent }),
    ...(listUnfinished && { listUnfinished }),
    ...(removeUnfinished && { removeUnfinished }),
    ...(thaw && { thaw }),
    close: () => inner.close(),
    ...methods,
  };
}
