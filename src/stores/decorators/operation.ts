/**
 * The common base of decorators that follow an operation from its call to the last byte of its body. It tells the
 * driver's time from the caller's: a slow reader, or a source with nothing to send yet, is no outage of the store and
 * holds no slot.
 */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { isInMemory } from '../driver-kit/body.ts';
import { wrapStore, type MethodCall, type StoreMethod } from '../methods.ts';
import type { PutBody, Store } from '../store.ts';

export interface StoreCall {
  readonly method: 'put' | 'get' | 'head' | 'list' | 'delete' | 'other';
  /** The key, or for `list` the prefix, for messages. */
  readonly key: string;
  /** For a `put` the bytes in memory, for a `delete` the number of keys; otherwise 1. */
  readonly weight: number;
}

export interface Operation {
  /** The signal for the driver. */
  readonly signal: AbortSignal;
  /** Runs a turn of the driver. */
  driver<T>(work: () => Promise<T>): Promise<T>;
  /** Called during a turn of the driver, while it waits for the caller's next chunk. */
  caller(next: () => Promise<IteratorResult<Uint8Array>>): Promise<IteratorResult<Uint8Array>>;
  /** Called after the last turn, whatever its outcome. */
  end(): void;
}

/** A store that runs each of its operations inside the `Operation` that `begin` returns for it. */
export function followOperations(
  inner: Store,
  begin: (call: StoreCall, signal: AbortSignal) => Operation,
): Store {
  const once = async <T>(
    call: StoreCall,
    signal: AbortSignal,
    work: (operation: Operation) => Promise<T>,
  ): Promise<T> => {
    const operation = begin(call, signal);
    try {
      return await operation.driver(() => work(operation));
    } finally {
      operation.end();
    }
  };
  return wrapStore(
    inner,
    {
      result: (call, work) => once(storeCall(call), call.signal, ({ signal }) => work(signal)),
      entries(call, work) {
        const operation = begin(storeCall(call), call.signal);
        return driversTurns(() => work(operation.signal), operation);
      },
    },
    {
      put: (key, body, options) =>
        once({ method: 'put', key, weight: weightOf(body) }, options.signal, operation =>
          inner.put(key, isInMemory(body) ? body : callersTurns(body, operation), {
            ...options,
            signal: operation.signal,
          }),
        ),
      async get(key, options) {
        const operation = begin({ method: 'get', key, weight: 1 }, options.signal);
        try {
          const { signal } = operation;
          const { stat, body } = await operation.driver(() => inner.get(key, { ...options, signal }));
          return { stat, body: driversTurns(() => body, operation) };
        } catch (error) {
          operation.end();
          throw error;
        }
      },
    },
  );
}

function storeCall({ method, keys }: MethodCall): StoreCall {
  return { method: wordFor(method), key: keys[0] ?? '', weight: keys.length };
}

function wordFor(method: StoreMethod): StoreCall['method'] {
  switch (method) {
    case 'put':
    case 'get':
    case 'head':
    case 'list':
    case 'delete':
      return method;
    case 'listPages':
    case 'listUnfinished':
      return 'list';
    default:
      return 'other';
  }
}

function weightOf(body: PutBody): number {
  return isInMemory(body) ? body.reduce((total, chunk) => total + chunk.length, 0) : 0;
}

async function* driversTurns<T>(source: () => AsyncIterable<T>, operation: Operation): AsyncGenerator<T> {
  let iterator: AsyncIterator<T> | undefined;
  let isOver = false;
  try {
    iterator = source()[Symbol.asyncIterator]();
    const turns = iterator;
    for (;;) {
      const next = await operation.driver(() => turns.next());
      if (next.done === true) {
        isOver = true;
        return;
      }
      yield next.value;
    }
  } catch (error) {
    isOver = true;
    throw error;
  } finally {
    operation.end();
    if (!isOver) await iterator?.return?.();
  }
}

async function* callersTurns(source: ByteStream, operation: Operation): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const next = await operation.caller(() => iterator.next());
      isOver = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    if (!isOver) await iterator.return?.();
  }
}
