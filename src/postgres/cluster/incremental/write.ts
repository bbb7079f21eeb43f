/** Writes an INCREMENTAL file as a stream. */
import type { ByteStream } from '../../../base/bytes/streams.ts';
import { encodeIncrementalHeader, type IncrementalHeader, type RelationLayout } from './header.ts';
import { runsOf, type BlockRun } from './runs.ts';

/** How much of the file is asked for at once. */
const mostRunBytes = 1024 ** 2;

/**
 * @param readRun gives the content of neighbouring blocks
 * @throws RangeError if it gives less or more: all that follows would lie in the wrong place
 */
export async function* writeIncrementalFile(
  header: IncrementalHeader,
  layout: RelationLayout,
  readRun: (run: BlockRun) => ByteStream,
): AsyncGenerator<Uint8Array> {
  yield encodeIncrementalHeader(header, layout);
  for (const run of runsOf(header.blocks, Math.max(1, Math.floor(mostRunBytes / layout.blockSizeBytes)))) {
    let leftBytes = run.count * layout.blockSizeBytes;
    for await (const chunk of readRun(run)) {
      leftBytes -= chunk.length;
      if (leftBytes < 0) break;
      yield chunk;
    }
    if (leftBytes !== 0)
      throw new RangeError(`${run.count} blocks from ${run.firstBlock} on have another length`);
  }
}
