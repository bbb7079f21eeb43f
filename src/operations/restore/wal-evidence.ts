/** Looks into archived WAL for what a plan depends on. Streamed: memory does not grow with the distance. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { walEventOf } from '../../postgres/wal/commit-record.ts';
import {
  parseWalFileName,
  segmentName,
  segmentNumberOfLsn,
  segmentStartLsn,
} from '../../postgres/wal/file-name.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { WalRecordDecoder } from '../../postgres/wal/record-decoder.ts';
import { scanForTarget, type WalTarget } from '../../postgres/wal/segment-scan.ts';
import { walKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { openWalObject } from '../../repository/wal/read-object.ts';
import { segmentsOf, type WalPath } from './wal-path.ts';
import type { Log } from '../../observe/events/events.ts';

/** Where WAL must be read to decide. */
export interface WalEvidence {
  /** Time of the last commit or abort on the path before `before`; undefined if there is none. */
  lastCommit(path: WalPath, before: Lsn): Promise<bigint | undefined>;
  /** The first record between `from` and `to` at which recovery stops. */
  find(
    path: WalPath,
    target: WalTarget,
    range: { readonly from: Lsn; readonly to: Lsn },
  ): Promise<FoundTarget | undefined>;
}

export interface FoundTarget {
  readonly lsn: Lsn;
  readonly timeMicros?: bigint;
}

export interface EvidenceSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly segmentSizeBytes: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export function createWalEvidence(source: EvidenceSource): WalEvidence {
  return {
    lastCommit: (path, before) => lastCommit(source, path, before),
    async find(path, target, { from, to }) {
      if (from >= to) return undefined;
      const { segmentSizeBytes, signal } = source;
      const first = segmentNumberOfLsn(from, segmentSizeBytes);
      const startLsn = segmentStartLsn(first, segmentSizeBytes);
      const bytes = readSegments(source, path, first, segmentNumberOfLsn(to - 1n, segmentSizeBytes));
      const options = { startLsn, segmentSizeBytes, signal, fromLsn: from };
      const { reachedAt } = await scanForTarget(bytes, options, target);
      if (reachedAt === undefined) return undefined;
      const { lsn, timeMicros } = reachedAt;
      return { lsn, ...(timeMicros !== undefined && { timeMicros }) };
    },
  };
}

/**
 * Backwards, one segment at a time, each together with the next one: a record that begins in it may end there. An
 * idle server's archive can be long without a commit, so it says how far it has come.
 */
async function lastCommit(source: EvidenceSource, path: WalPath, before: Lsn): Promise<bigint | undefined> {
  const { segmentSizeBytes } = source;
  const firstSegment = segmentNumberOfLsn(path.startLsn, segmentSizeBytes);
  const end = before < path.endLsn ? before : path.endLsn;
  if (end === 0n) return undefined;
  const lastSegment = segmentNumberOfLsn(end - 1n, segmentSizeBytes);
  const lastAvailable = segmentNumberOfLsn(path.endLsn - 1n, segmentSizeBytes);
  for (let segment = lastSegment; segment >= firstSegment; segment--) {
    const after = segment < lastAvailable ? segment + 1n : segment;
    const start = segmentStartLsn(segment, segmentSizeBytes);
    const next = segmentStartLsn(segment + 1n, segmentSizeBytes);
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
  { segmentSizeBytes, signal }: EvidenceSource,
  bytes: ByteStream,
  { start, end }: { readonly start: Lsn; readonly end: Lsn },
): Promise<bigint | undefined> {
  let greatest: bigint | undefined;
  let isPast = false;
  const decoder = new WalRecordDecoder({ startLsn: start, segmentSizeBytes }, record => {
    isPast ||= record.lsn >= end;
    if (isPast) return;
    const event = walEventOf(record);
    if (event?.kind !== 'commit' && event?.kind !== 'abort') return;
    if (greatest === undefined || event.timeMicros > greatest) greatest = event.timeMicros;
  });
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    decoder.push(chunk);
    if (isPast || decoder.stoppedBecause !== undefined) break;
  }
  return greatest;
}

async function* readSegments(
  { repository, system, segmentSizeBytes, signal, log }: EvidenceSource,
  path: WalPath,
  first: bigint,
  last: bigint,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for (const { timeline, segment } of segmentsOf(path.pieces, first, last)) {
    const file = parseWalFileName(segmentName(timeline, segment, segmentSizeBytes));
    if (file === undefined) throw new RangeError(`no segment ${segment} on timeline ${timeline}`);
    yield* (await openWalObject(repository, walKey(system, file), signal)).plain;
    doneBytes += segmentSizeBytes;
    const totalBytes = Number(last - first + 1n) * segmentSizeBytes;
    if (last - first > 1n) log.emit({ kind: 'progress', stage: 'reading WAL', doneBytes, totalBytes });
  }
}
