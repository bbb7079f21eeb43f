/**
 * One stream for several readers, all at the same chunk.
 *
 * The source is asked for its next chunk when every reader asks for it. So exactly one chunk is in memory, however
 * many repositories there are and however slow a repository is.
 */
import type { ByteStream } from '../../base/bytes/streams.ts';

export interface TeeBranch {
  /** The stream of this reader; it can be read once. */
  readonly stream: ByteStream;
  /** Gives up this branch, even if its stream was never begun; the other branches continue without it. */
  leave(): void;
}

export interface Tee {
  readonly branches: readonly TeeBranch[];
  /** Ends every branch with this error at its next chunk, and the source with them. */
  fail(error: unknown): Promise<void>;
  /** The error that ended the tee early: the error given to `fail`, or the source's error. */
  failure(): unknown;
}

type Result = IteratorResult<Uint8Array, undefined>;

interface Waiter {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Splits the source into `count` branches. A chunk is valid until its reader asks for the next chunk. */
export function teeInLockStep(source: ByteStream, count: number): Tee {
  const iterator = source[Symbol.asyncIterator]();
  const present = new Set(Array.from({ length: count }, (_, index) => index));
  const waiting = new Map<number, Waiter>();
  let end: { readonly error: unknown } | 'done' | undefined;
  let isPulling = false;

  const settle = (settleOne: (waiter: Waiter) => void) => {
    const waiters = [...waiting.values()];
    waiting.clear();
    for (const waiter of waiters) settleOne(waiter);
  };

  const pullWhenAllWait = async () => {
    if (isPulling || waiting.size === 0 || waiting.size < present.size) return;
    isPulling = true;
    try {
      const next = await iterator.next();
      if (next.done === true) end ??= 'done';
      const result: Result = next.done === true ? { done: true, value: undefined } : next;
      isPulling = false;
      const failure = end;
      if (typeof failure === 'object') settle(waiter => waiter.reject(failure.error));
      else settle(waiter => waiter.resolve(result));
    } catch (error) {
      isPulling = false;
      end ??= { error };
      settle(waiter => waiter.reject(error));
    }
  };

  /** Closes the source. No branch needs the rest, so errors in closing are ignored. */
  const closeSource = async () => {
    end ??= 'done';
    try {
      await iterator.return?.();
    } catch {
      // The error that matters is the earlier one that ended all branches.
    }
  };

  const leave = (index: number) => {
    if (!present.delete(index)) return;
    waiting.get(index)?.resolve({ done: true, value: undefined });
    waiting.delete(index);
    if (present.size === 0) void closeSource();
    else void pullWhenAllWait();
  };

  const next = (index: number): Promise<Result> => {
    if (typeof end === 'object') return Promise.reject(asError(end.error));
    if (end === 'done' || !present.has(index)) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      waiting.set(index, { resolve, reject });
      void pullWhenAllWait();
    });
  };

  const branchOf = (index: number): TeeBranch => ({
    stream: {
      [Symbol.asyncIterator]: () => ({
        next: () => next(index),
        return: () => {
          leave(index);
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    },
    leave: () => leave(index),
  });

  return {
    branches: Array.from({ length: count }, (_, index) => branchOf(index)),
    failure: () => (typeof end === 'object' ? end.error : undefined),
    async fail(error) {
      if (end !== undefined) return;
      end = { error };
      settle(waiter => waiter.reject(error));
      present.clear();
      await closeSource();
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
