/** The facts for a plan that are read from archived WAL. WAL is streamed: memory does not grow with the distance. */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { walEventOf } from '../../postgres/wal/commit-record.ts';
import type { DropInProgress } from '../../postgres/wal/drop-tracker.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { resourceManagers } from '../../postgres/wal/record.ts';
import { scanForTarget, type WalTarget } from '../../postgres/wal/segment-scan.ts';
import { dropsInProgress } from './drop-evidence.ts';
import { beginsAt, eachRecord, readSegments, type EvidenceSource } from './read-wal.ts';
import type { WalPath } from './wal-path.ts';

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
  await eachRecord(source, { bytes, startLsn: start, isPast: beginsAt(end), wanted }, record => {
    const event = walEventOf(record);
    if (event?.kind !== 'commit' && event?.kind !== 'abort') return;
    if (greatest === undefined || event.timeMicros > greatest) greatest = event.timeMicros;
  });
  return greatest;
}
