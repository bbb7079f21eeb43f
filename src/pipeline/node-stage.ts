/** Runs a zlib stream as one stage of a pulled pipeline. */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { tap, type ByteStream } from '../base/bytes/streams.ts';
import { WalvaultError } from '../base/errors/errors.ts';

/** A zlib stream. `bytesWritten` is the number of bytes of its input that the codec has used. */
export type ZlibStage = Duplex & { readonly bytesWritten: number };

/**
 * The output of the stage. It throws the errors of the source and of the stage. A reader that stops early destroys the
 * stage and, through it, the source. An end without an error means that the source was read to its very end, where the
 * stages before this one make their last checks.
 * @throws WalvaultError `damaged` if the codec ended before the source did: zlib ignores the bytes after that
 */
export async function* throughStage(source: ByteStream, stage: ZlibStage): AsyncGenerator<Uint8Array> {
  let fedBytes = 0;
  let isSourceAtEnd = false;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* tap(source, chunk => (fedBytes += chunk.length));
    isSourceAtEnd = true;
  }
  // The error is not lost: it also destroys the stage, so the loop below throws it.
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
