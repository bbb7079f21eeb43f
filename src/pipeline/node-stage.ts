/** Runs a Node transform stream (zlib) as one stage of a pulled pipeline. */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteStream } from '../base/bytes.ts';
import { WalvaultError } from '../base/errors.ts';

/**
 * An error of the source or of the stage comes out of the returned stream. Whoever stops reading early destroys the
 * stage and, through it, the source. The source is always read to its very end, because that is where the stages
 * before this one make their last checks.
 * @throws WalvaultError `damaged` if the stage was satisfied before the source had ended: zlib ignores what follows
 */
export async function* throughStage(source: ByteStream, stage: Duplex): AsyncGenerator<Uint8Array> {
  let isSourceAtEnd = false;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* source;
    isSourceAtEnd = true;
  }
  // The stage is destroyed with this very error, so the loop below throws it: it is not lost.
  const feeding = pipeline(whole, stage).catch(() => undefined);
  try {
    for await (const chunk of stage) yield chunk as Buffer;
    if (!isSourceAtEnd) throw new WalvaultError('damaged', 'compressed data is followed by other data');
  } finally {
    stage.destroy();
    await feeding;
  }
}
