/** The upload of the parts of one stream, several at the same time. */
import type { Part, PartReader } from './part-reader.ts';

/** Parts sent at the same time; with the part that is being filled this bounds the memory of an upload. */
const partsInFlight = 3;

export interface PartUpload {
  readonly signal: AbortSignal;
  /** Called in the order of the parts, which are numbered from 1. `data` stays unchanged until it returns. */
  readonly send: (data: Uint8Array, number: number, signal: AbortSignal) => Promise<void>;
}

/** Sends all parts. The first failure stops the others, and is thrown when all of them have ended. */
export async function uploadParts(
  parts: PartReader,
  first: Part,
  { signal, send }: PartUpload,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const underWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    failed.abort(error);
  };
  const start = async (part: Part, number: number) => {
    try {
      await send(part.data, number, either);
    } catch (error) {
      fail(error);
    } finally {
      part.release();
    }
  };
  try {
    let number = 0;
    for (let part: Part | undefined = first; part !== undefined; part = await parts.next(either)) {
      const task = start(part, ++number).finally(() => underWay.delete(task));
      underWay.add(task);
      if (underWay.size >= partsInFlight) await Promise.race(underWay);
      either.throwIfAborted();
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(underWay);
  if (failure !== undefined) throw failure.error;
}
