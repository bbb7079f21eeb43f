/** A store whose calls fail on demand: faults below the code under test, above any driver. */
import { StoreError, type ListEntry, type ListOptions, type Store, type StoreErrorKind } from '../store.ts';

export type StoreMethod = 'put' | 'get' | 'head' | 'list' | 'delete' | 'makeDurable';

export interface StoreFault {
  readonly method: StoreMethod;
  /** Default: every key; for `list` the prefix, for `delete` any of the keys. */
  readonly key?: RegExp | undefined;
  /** The first matching call that fails, counted from 1; default 1. */
  readonly atCall?: number | undefined;
  /** How many fail from then on; default 1. */
  readonly times?: number | undefined;
  readonly kind: StoreErrorKind;
  /**
   * `after`: the work is done and the answer lost. For `get` and `list` the error comes in the middle, after the first
   * chunk or entry. Default `before`.
   */
  readonly when?: 'before' | 'after' | undefined;
}

export interface FaultyStore extends Store {
  /** Every call in order, the failed ones included. */
  readonly calls: readonly { readonly method: StoreMethod; readonly key: string }[];
}

export function createFaultyStore(inner: Store, faults: readonly StoreFault[]): FaultyStore {
  const calls: { method: StoreMethod; key: string }[] = [];
  const matched = new Map<StoreFault, number>();

  /** Throws now, or returns the error to be thrown after the work. */
  const begin = (method: StoreMethod, keys: readonly string[]): StoreError | undefined => {
    const key = keys[0] ?? '';
    calls.push({ method, key });
    for (const fault of faults) {
      const { atCall = 1, times = 1 } = fault;
      if (fault.method !== method || !(fault.key === undefined || keys.some(key => fault.key?.test(key))))
        continue;
      const count = (matched.get(fault) ?? 0) + 1;
      matched.set(fault, count);
      if (count < atCall || count >= atCall + times) continue;
      const error = new StoreError(fault.kind, `${method} ${key}: injected ${fault.kind}`);
      if (fault.when !== 'after') throw error;
      return error;
    }
    return undefined;
  };
  const call = async <T>(
    method: StoreMethod,
    keys: readonly string[],
    work: () => Promise<T>,
  ): Promise<T> => {
    const error = begin(method, keys);
    const result = await work();
    if (error !== undefined) throw error;
    return result;
  };
  const makeDurable = inner.makeDurable?.bind(inner);
  return {
    url: inner.url,
    capabilities: inner.capabilities,
    calls,
    put: (key, body, options) => call('put', [key], () => inner.put(key, body, options)),
    async get(key, options) {
      const error = begin('get', [key]);
      const object = await inner.get(key, options);
      return error === undefined ? object : { stat: object.stat, body: breakAfterFirst(object.body, error) };
    },
    head: (key, options) => call('head', [key], () => inner.head(key, options)),
    async *list(options: ListOptions): AsyncGenerator<ListEntry> {
      const error = begin('list', [options.prefix]);
      yield* error === undefined ? inner.list(options) : breakAfterFirst(inner.list(options), error);
    },
    delete: (keys, options) => call('delete', keys, () => inner.delete(keys, options)),
    ...(makeDurable && {
      makeDurable: (key, options) => call('makeDurable', [key], () => makeDurable(key, options)),
    }),
    close: () => inner.close(),
  };
}

async function* breakAfterFirst<T>(source: AsyncIterable<T>, error: StoreError): AsyncGenerator<T> {
  for await (const item of source) {
    yield item;
    break;
  }
  throw error;
}
