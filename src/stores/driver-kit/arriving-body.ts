/** A body that arrives from a service: counted and checked in the same way for every driver (P3). */
import type { Readable } from 'node:stream';
import { GatheredChecksum } from '../../base/checksum/gathered.ts';
import { StoreError } from '../store.ts';

export interface ArrivingBody {
  readonly key: string;
  readonly body: Readable;
  readonly signal: AbortSignal;
  /** The size that the service announced, if it did. */
  readonly announcedBytes: number | undefined;
  /** The checksum of the whole object; undefined for a range, or where the service keeps none. */
  readonly checksum: BodyChecksum | undefined;
  /** Translates a broken connection; `action` says how many bytes had come. */
  readonly toError: (error: unknown, action: string) => Error;
}

export interface BodyChecksum {
  /** The end of the message "the bytes do not match the …": which checksum, and who keeps it. */
  readonly description: string;
  /** Called with all bytes in order, in chunks of another size than those received. It must not keep them. */
  update(bytes: Uint8Array): void;
  matches(): boolean;
}

/** @throws StoreError `damaged` at the end if size or checksum differ; the result of `toError` for a broken connection */
export async function* readArriving(arriving: ArrivingBody): AsyncGenerator<Uint8Array> {
  const { key, body, signal, announcedBytes, checksum, toError } = arriving;
  const gathered = checksum && new GatheredChecksum(piece => checksum.update(piece));
  let receivedBytes = 0;
  const onAbort = () => body.destroy(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      gathered?.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw toError(error, `get ${key} after ${receivedBytes} bytes`);
  } finally {
    signal.removeEventListener('abort', onAbort);
    body.destroy();
  }
  if (announcedBytes !== undefined && receivedBytes !== announcedBytes)
    throw new StoreError('damaged', `get ${key}: ${receivedBytes} bytes came instead of ${announcedBytes}`);
  gathered?.finish();
  if (checksum?.matches() === false)
    throw new StoreError('damaged', `get ${key}: the bytes do not match the ${checksum.description}`);
}

/** `bytes=0-9` for the first ten bytes (RFC 9110 §14.1.2). */
export function rangeHeader({
  start,
  end,
}: {
  readonly start: number;
  readonly end?: number | undefined;
}): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`;
}

/** The size of the whole object: from `bytes 0-9/1234` (RFC 9110 §14.4), or the length of a whole body. */
export function wholeSizeBytes(contentRange: string | undefined, contentLength: number): number {
  const total = contentRange?.split('/')[1];
  return total === undefined || total === '*' ? contentLength : Number(total);
}
