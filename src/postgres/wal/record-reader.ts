/** WAL records as an asynchronous sequence; record-decoder.ts decodes them. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import type { WalRecord } from './record.ts';
import { WalRecordDecoder, type DecoderOptions } from './record-decoder.ts';

export type { WalRecord } from './record.ts';

/**
 * Records that START in the bytes of the given consecutive segments; the rest of a record from before is skipped. Ends
 * at the first invalid record or zeroed page, and leaves out a record that the end of the bytes cuts off. The CRC-32C
 * of every record has been checked.
 */
export async function* readWalRecords(
  source: ByteStream,
  options: DecoderOptions,
): AsyncGenerator<WalRecord> {
  let found: WalRecord[] = [];
  const decoder = new WalRecordDecoder(options, record => found.push(record));
  for await (const chunk of source) {
    // A chunk of a few MiB can hold 100,000 records. Slices keep them from being in memory all at once.
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
