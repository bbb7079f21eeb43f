/** A store whose calls fail on demand: faults below the code under test, above any driver. */
import { wrapStore, type StoreMethod } from '../methods.ts';
import { StoreError, type Store, type StoreErrorKind } from '../store.ts';

export interface StoreFault {
  readonly method: StoreMethod;
  /** Default: every key; for `list` the prefix, for `delete` any of the keys. */
  readonly key?: RegExp | undefined;
  /** The number of the first matching call that fails, from 1; default 1. */
  readonly atCall?: number | undefined;
  /** How many matching calls fail, from `atCall` on; default 1. */
  readonly times?: number | undefined;
  readonly kind: StoreErrorKind;
  /**
   * `after`: the work is done and its answer is lost. For `get` and `list` the error comes after the first chunk or
   * entry. Default `before`.
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

  /** Throws now, or returns the error that must be thrown after the work. */
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
  const store = wrapStore(
    inner,
    {
      async result({ method, keys, signal }, work) {
        const error = begin(method, keys);
        const result = await work(signal);
        if (error !== undefined) throw error;
        return result;
      },
      async *entries({ method, keys, signal }, work) {
        const error = begin(method, keys);
        yield* error === undefined ? work(signal) : breakAfterFirst(work(signal), error);
      },
    },
    {
      async get(key, options) {
        const error = begin('get', [key]);
        const { stat, body } = await inner.get(key, options);
        return { stat, body: error === undefined ? body : breakAfterFirst(body, error) };
      },
    },
  );
  return { ...store, calls };
}

async function* breakAfterFirst<T>(source: AsyncIterable<T>, error: StoreError): AsyncGenerator<T> {
  for await (const item of source) {
    yield item;
    break;
  }
  throw error;
}
