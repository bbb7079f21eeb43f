/** WAL records as an asynchronous sequence; see record-decoder.ts for what is decoded and how. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import type { WalRecord } from './record.ts';
import { WalRecordDecoder, type DecoderOptions } from './record-decoder.ts';

export type { WalRecord } from './record.ts';

/**
 * Records that START in the given consecutive segments' bytes: the rest of a record begun before them is passed
 * over. Stops at the first invalid record or zeroed page; a record cut off by the end of the bytes is not given.
 * Every record's CRC-32C has been checked.
 */
export async function* readWalRecords(
  source: ByteStream,
  options: DecoderOptions,
): AsyncGenerator<WalRecord> {
  let found: WalRecord[] = [];
  const decoder = new WalRecordDecoder(options, record => found.push(record));
  for await (const chunk of source) {
    // A chunk of a few MiB can hold 100,000 records: taken in slices, so that they are never all in memory.
    for (let at = 0; at < chunk.length && decoder.stoppedBecause === undefined; at += sliceBytes) {
      decoder.push(chunk.subarray(at, at + sliceBytes));
      const ready = found;
      found = [];
      yield* ready;
    }
    if (decoder.stoppedBecause !== undefined) return;
  }
}

const sliceBytes = 128 * 1024;
