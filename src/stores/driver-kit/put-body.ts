/** The put of one body to a service: in one request if it fits, otherwise in parts. */
import type { PutBody, PutOptions } from '../store.ts';
import { announcedSizeBytes, BodyCheck, isOneRequest, streamOfBody } from './body.ts';
import { PartReader, type Part } from './part-reader.ts';
import { retryTransient } from './retry.ts';

export interface LongBody {
  readonly first: Part;
  /** The parts after the first. */
  readonly parts: PartReader;
  /** Must be finished before the object appears. */
  readonly check: BodyCheck;
}

export interface BodyWriter {
  readonly partSizeBytes: number;
  /** The service's limit for one upload; parts grow where the announced size needs it. */
  readonly maxParts: number;
  /** One request with the whole object. */
  writeWhole(body: readonly Uint8Array[]): Promise<void>;
  /** On failure nothing must be visible. */
  writeInParts(body: LongBody): Promise<void>;
}

/** @throws StoreError `invalid` if the body differs from the announced size or digest; the errors of the writer */
export async function putBody(key: string, body: PutBody, options: PutOptions & BodyWriter): Promise<void> {
  const { signal, partSizeBytes, maxParts } = options;
  const sizeBytes = options.sizeBytes ?? announcedSizeBytes(body, options);
  const check = new BodyCheck(key, { ...options, sizeBytes });
  if (isOneRequest(body, options)) {
    for (const chunk of body) check.update(chunk);
    check.finish();
    await options.writeWhole(body);
    return;
  }
  const parts = new PartReader(
    streamOfBody(body),
    check,
    partSizeFor(sizeBytes ?? 0, partSizeBytes, maxParts),
  );
  try {
    const first = await parts.next(signal);
    if (first !== undefined && !first.isLast) {
      await options.writeInParts({ first, parts, check });
      return;
    }
    check.finish();
    // The retry decorator cannot repeat a stream, but here its only part is in memory and can be sent again.
    await retryTransient(() => options.writeWhole(first === undefined ? [] : [first.data]), signal);
  } finally {
    await parts.close();
  }
}

const mebibyte = 1024 * 1024;

/** The smallest size if that is enough, otherwise whole MiB. */
function partSizeFor(sizeBytes: number, smallestBytes: number, maxParts: number): number {
  return Math.max(smallestBytes, Math.ceil(sizeBytes / maxParts / mebibyte) * mebibyte);
}
