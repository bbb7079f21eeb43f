/** Runs a zlib stream as one stage of a pulled pipeline. */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { tap, type ByteStream } from '../base/bytes/streams.ts';
import { WalvaultError } from '../base/errors/errors.ts';

/** `bytesWritten`: how many bytes of its input the codec has really taken. */
export type ZlibStage = Duplex & { readonly bytesWritten: number };

/**
 * An error of the source or of the stage comes out of the returned stream. Whoever stops reading early destroys the
 * stage and, through it, the source. When it ends without an error the source has been read to its very end, because
 * that is where the stages before this one make their last checks.
 * @throws WalvaultError `damaged` if the codec was satisfied before the source had ended: zlib ignores what follows
 */
export async function* throughStage(source: ByteStream, stage: ZlibStage): AsyncGenerator<Uint8Array> {
  let fedBytes = 0;
  let isSourceAtEnd = false;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* tap(source, chunk => (fedBytes += chunk.length));
    isSourceAtEnd = true;
  }
  // The stage is destroyed with this very error, so the loop below throws it: it is not lost.
  const feeding = pipeline(whole, stage).catch(() => undefined);
  try {
    for await (const chunk of stage) yield chunk as Buffer;
    if (!isSourceAtEnd || stage.bytesWritten !== fedBytes)
      throw new WalvaultError('damaged', 'compressed data is followed by other data');
  } finally {
    stage.destroy();
    await feeding;
  }
}
