/** Archived WAL as bytes and as records. It is streamed: memory does not grow with the distance. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { WalRecord } from '../../postgres/wal/record.ts';
import { WalRecordDecoder } from '../../postgres/wal/record-decoder.ts';
import { clip, segmentsIn } from '../../postgres/wal/segment-range.ts';
import { walKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { openWalObject } from '../../repository/wal/read-object.ts';
import type { WalPath } from './wal-path.ts';
import type { Log } from '../../observe/events/events.ts';

export interface EvidenceSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface RecordRange {
  /** Whole segments, from `startLsn` on. */
  readonly bytes: ByteStream;
  readonly startLsn: Lsn;
  /** True for the first record that is not taken: no later one is. */
  readonly isPast: (record: WalRecord) => boolean;
  /** The resource managers whose bodies are wanted. */
  readonly wanted: readonly number[];
}

export async function eachRecord(
  { geometry, signal }: EvidenceSource,
  { bytes, startLsn, isPast, wanted }: RecordRange,
  take: (record: WalRecord) => void,
): Promise<void> {
  let isDone = false;
  const decoder = new WalRecordDecoder({ startLsn, geometry, wanted }, record => {
    isDone ||= isPast(record);
    if (!isDone) take(record);
  });
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    decoder.push(chunk);
    if (isDone || decoder.stoppedBecause !== undefined) break;
  }
}

/** True for records that begin at the position or later. */
export function beginsAt(position: Lsn): RecordRange['isPast'] {
  return ({ lsn }) => lsn >= position;
}

/** The plain bytes of consecutive segments, across changes of timeline. */
export async function* readSegments(
  { repository, system, geometry, signal, log }: EvidenceSource,
  path: Pick<WalPath, 'pieces'>,
  first: bigint,
  last: bigint,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for (const { timeline, segment } of segmentsIn(clip(path.pieces, { first, last }))) {
    const key = walKey(system, geometry.fileOf(timeline, segment));
    yield* (await openWalObject(repository, key, { limitBytes: geometry.segmentSizeBytes, signal })).plain;
    doneBytes += geometry.segmentSizeBytes;
    const totalBytes = Number(last - first + 1n) * geometry.segmentSizeBytes;
    if (last - first > 1n) log.emit({ kind: 'progress', stage: 'reading WAL', doneBytes, totalBytes });
  }
}
