/** A store whose bodies pass no faster than they may, up and down apart. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { isInMemory } from '../driver-kit/body.ts';
import { withMethods } from '../methods.ts';
import type { Store } from '../store.ts';
import { RateLimiter } from './rate-limiter.ts';

export interface RateLimits {
  readonly upload?: RateLimiter | undefined;
  readonly download?: RateLimiter | undefined;
}

/**
 * A limiter may serve several stores: then they share its rate. What is sent from memory is paid for before it is
 * handed to the driver, a stream while it passes; a driver that collects parts sends each of them at once.
 */
export function createRateLimitedStore(inner: Store, { upload, download }: RateLimits): Store {
  return withMethods(inner, {
    ...(upload && {
      async put(key, body, options) {
        if (!isInMemory(body)) return await inner.put(key, paced(body, upload, options.signal), options);
        for (const chunk of body)
          for (const piece of piecesOf(chunk)) await upload.take(piece.length, options.signal);
        await inner.put(key, body, options);
      },
    }),
    ...(download && {
      async get(key, options) {
        const { stat, body } = await inner.get(key, options);
        return { stat, body: paced(body, download, options.signal) };
      },
    }),
  });
}

async function* paced(
  source: ByteStream,
  limiter: RateLimiter,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source)
    for (const piece of piecesOf(chunk)) {
      await limiter.take(piece.length, signal);
      yield piece;
    }
}

function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += RateLimiter.pieceBytes)
    yield chunk.subarray(at, at + RateLimiter.pieceBytes);
}
