/** A store with a limit on bytes a second, separate for uploads and downloads. */
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
 * Several stores may share one limiter and its rate. A body in memory waits before it goes to the driver, a stream
 * waits chunk by chunk; a driver that collects parts then sends each part at full speed.
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
