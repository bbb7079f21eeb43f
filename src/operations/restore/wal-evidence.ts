/** The facts for a plan that are read from archived WAL. WAL is streamed: memory does not grow with the distance. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { walEventOf } from '../../postgres/wal/commit-record.ts';
import {
  DropTracker,
  isRestart,
  recordsOfDrops,
  type DropInProgress,
} from '../../postgres/wal/drop-tracker.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { clip, segmentsIn } from '../../postgres/wal/segment-range.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { checkpointOnline, infoMask, resourceManagers, type WalRecord } from '../../postgres/wal/record.ts';
import { WalRecordDecoder } from '../../postgres/wal/record-decoder.ts';
import { scanForTarget, type WalTarget } from '../../postgres/wal/segment-scan.ts';
import { walKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { openWalObject } from '../../repository/wal/read-object.ts';
import type { WalPath } from './wal-path.ts';
import type { Log } from '../../observe/events/events.ts';

/** The questions of a plan that only WAL can answer. */
export interface WalEvidence {
  /** Time of the last commit or abort on the path before `before`; undefined if there is none. */
  lastCommit(path: WalPath, before: Lsn): Promise<bigint | undefined>;
  /** The first record between `from` and `to` at which recovery stops. */
  find(
    path: WalPath,
    target: WalTarget,
    range: { readonly from: Lsn; readonly to: Lsn },
  ): Promise<FoundTarget | undefined>;
  /** The drops of databases and tablespaces that have begun and not ended before `before`, in their order. */
  dropsInProgress(path: WalPath, before: Lsn): Promise<readonly DropInProgress[]>;
}

export interface FoundTarget {
  readonly lsn: Lsn;
  readonly timeMicros?: bigint;
}

export interface EvidenceSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export function createWalEvidence(source: EvidenceSource): WalEvidence {
  return {
    lastCommit: (path, before) => lastCommit(source, path, before),
    async find(path, target, { from, to }) {
      if (from >= to) return undefined;
      const { geometry, signal } = source;
      const first = geometry.segmentOf(from);
      const startLsn = geometry.startLsn(first);
      const bytes = readSegments(source, path, first, geometry.segmentOf(to - 1n));
      const options = { startLsn, geometry, signal, fromLsn: from };
      const { reachedAt } = await scanForTarget(bytes, options, target);
      if (reachedAt === undefined) return undefined;
      const { lsn, timeMicros } = reachedAt;
      return { lsn, ...(timeMicros !== undefined && { timeMicros }) };
    },
    dropsInProgress: (path, before) => dropsInProgress(source, path, before),
  };
}

/**
 * DROP DATABASE waits for a checkpoint that it asks for, and before that for the end of one that runs already. So what is
 * in progress began after the third checkpoint before, and the WAL from there is enough, however long the archive is.
 */
const checkpointsOfDrop = 3;

async function dropsInProgress(
  source: EvidenceSource,
  path: WalPath,
  before: Lsn,
): Promise<readonly DropInProgress[]> {
  const { geometry } = source;
  const lastSegment = geometry.segmentOf(before - 1n);
  const firstSegment = geometry.segmentOf(path.startLsn);
  let first = lastSegment;
  for (let checkpoints = 0; first > firstSegment; first--) {
    checkpoints += await checkpointsIn(source, path, { segment: first, before });
    if (checkpoints >= checkpointsOfDrop) break;
  }
  const tracker = new DropTracker();
  const bytes = readSegments(source, path, first, lastSegment);
  const range = { startLsn: geometry.startLsn(first), before };
  await eachRecord(source, bytes, { ...range, wanted: recordsOfDrops }, record => tracker.take(record));
  return tracker.open;
}

/** The number of checkpoints that end in a segment; a shutdown ends everything in progress and counts as enough. */
async function checkpointsIn(
  source: EvidenceSource,
  path: WalPath,
  { segment, before }: { readonly segment: bigint; readonly before: Lsn },
): Promise<number> {
  let count = 0;
  const bytes = readSegments(source, path, segment, segment);
  const startLsn = source.geometry.startLsn(segment);
  await eachRecord(source, bytes, { startLsn, before, wanted: [] }, record => {
    const operation = record.info & infoMask;
    if (isRestart(record, operation)) count += checkpointsOfDrop;
    else if (record.resourceManager === resourceManagers.xlog && operation === checkpointOnline) count++;
  });
  return count;
}

async function eachRecord(
  { geometry, signal }: EvidenceSource,
  bytes: ByteStream,
  {
    startLsn,
    before,
    wanted,
  }: { readonly startLsn: Lsn; readonly before: Lsn; readonly wanted: readonly number[] },
  take: (record: WalRecord) => void,
): Promise<void> {
  let isPast = false;
  const decoder = new WalRecordDecoder({ startLsn, geometry, wanted }, record => {
    isPast ||= record.lsn >= before;
    if (!isPast) take(record);
  });
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    decoder.push(chunk);
    if (isPast || decoder.stoppedBecause !== undefined) break;
  }
}

/**
 * Reads backwards, one segment at a time, each with the segment after it, because a record may end in the next
 * segment. An idle server's archive can be long without a commit, so progress is reported.
 */
async function lastCommit(source: EvidenceSource, path: WalPath, before: Lsn): Promise<bigint | undefined> {
  const { geometry } = source;
  const firstSegment = geometry.segmentOf(path.startLsn);
  const end = before < path.endLsn ? before : path.endLsn;
  if (end === 0n) return undefined;
  const lastSegment = geometry.segmentOf(end - 1n);
  const lastAvailable = geometry.segmentOf(path.endLsn - 1n);
  for (let segment = lastSegment; segment >= firstSegment; segment--) {
    const after = segment < lastAvailable ? segment + 1n : segment;
    const start = geometry.startLsn(segment);
    const next = geometry.endLsn(segment);
    const bytes = readSegments(source, path, segment, after);
    const time = await greatestCommitTime(source, bytes, { start, end: next < end ? next : end });
    if (time !== undefined) return time;
    const done = lastSegment - segment + 1n;
    if (done % 64n === 0n) source.log.emit({ kind: 'commit-searched', segmentCount: Number(done) });
  }
  return undefined;
}

/** The greatest time among the commits and aborts whose records begin in `start..end`. */
async function greatestCommitTime(
  source: EvidenceSource,
  bytes: ByteStream,
  { start, end }: { readonly start: Lsn; readonly end: Lsn },
): Promise<bigint | undefined> {
  let greatest: bigint | undefined;
  const wanted = [resourceManagers.xact];
  await eachRecord(source, bytes, { startLsn: start, before: end, wanted }, record => {
    const event = walEventOf(record);
    if (event?.kind !== 'commit' && event?.kind !== 'abort') return;
    if (greatest === undefined || event.timeMicros > greatest) greatest = event.timeMicros;
  });
  return greatest;
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
    yield* (await openWalObject(repository, key, signal)).plain;
    doneBytes += geometry.segmentSizeBytes;
    const totalBytes = Number(last - first + 1n) * geometry.segmentSizeBytes;
    if (last - first > 1n) log.emit({ kind: 'progress', stage: 'reading WAL', doneBytes, totalBytes });
  }
}
