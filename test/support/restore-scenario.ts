/** Archives made up by hand for tests of the restore plan: backups, a timeline tree, runs of segments, commits with times. */
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import { parseTarget, type TargetOptions } from '../../src/operations/restore/target.ts';
import { planRestore, type RestorePlan } from '../../src/operations/restore/plan.ts';
import type { TimelineChoice } from '../../src/operations/restore/request.ts';
import type { RestoreSurvey } from '../../src/operations/restore/survey.ts';
import type { WalEvidence } from '../../src/operations/restore/wal-evidence.ts';
import { microsOf } from '../../src/postgres/wal/timestamp.ts';
import { segmentsIn } from '../../src/postgres/wal/segment-range.ts';
import type { WalPath } from '../../src/operations/restore/wal-path.ts';
import { stopsAt } from '../../src/postgres/wal/segment-scan.ts';
import type { CommitsSince } from '../../src/postgres/wal/drop-tracker.ts';
import type { WalEvent } from '../../src/postgres/wal/commit-record.ts';
import type { KnownWal } from '../../src/repository/wal/known-wal.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';

export const segmentSizeBytes = 1024 ** 2;
const geometry = new WalGeometry(segmentSizeBytes);

/** `at(3)` is the start of segment 3, `at(3.5)` its middle. */
export function at(segment: number): bigint {
  return BigInt(Math.round(segment * segmentSizeBytes));
}

/** Minutes past ten on one day. */
export function minute(minutes: number): Date {
  return new Date(Date.UTC(2026, 10, 22, 10, minutes));
}

export interface Drawn {
  /** Start and stop as segments, stop time in minutes; on timeline 1 unless said. */
  readonly backups: readonly { id: string; from: number; to: number; ended: number; timeline?: number }[];
  /** Child to parent and the segment it left it at; `seen`: minutes. */
  readonly branches?: Readonly<Record<number, { parent: number; at: number; seen?: number }>>;
  /** First and last whole segment, inclusive; `seen`: when the last arrived, in minutes. */
  readonly runs: readonly { timeline: number; first: number; last: number; seen?: number }[];
  /** What was given up and never archived, both ends included. */
  readonly lost?: readonly { timeline: number; first: number; last: number }[];
  /** What shows that WAL existed, both ends included. */
  readonly known?: readonly { timeline: number; first: number; last: number; sign: KnownWal['sign'] }[];
  /** Timelines whose archived history cannot be read. */
  readonly unusable?: readonly number[];
  /** Gaps that somebody accepted, both ends included. */
  readonly acknowledged?: readonly { timeline: number; first: number; last: number }[];
  /** Where the restore point that is the target was noted. */
  readonly noted?: readonly { timeline: number; at: number }[];
  /** DROP DATABASE: from the mark to the commit, which is none of the events. */
  readonly drops?: readonly { from: number; to: number }[];
  /** Ends of transactions and restore points. */
  readonly events?: readonly { timeline: number; at: number; minute: number; xid?: number; name?: string }[];
}

export function plan(
  drawn: Drawn,
  options: TargetOptions & { backup?: string; timeline?: TimelineChoice; throughDrops?: boolean } = {},
): Promise<RestorePlan> {
  return planRestore(
    surveyOf(drawn),
    {
      target: parseTarget(options),
      backupId: options.backup,
      timeline: options.timeline,
      throughDrops: options.throughDrops,
    },
    evidenceOf(drawn),
  );
}

export function surveyOf({
  backups,
  branches = {},
  runs,
  lost = [],
  known = [],
  acknowledged = [],
  unusable = [],
  noted = [],
}: Drawn): RestoreSurvey {
  const tree = Object.entries(branches).map(
    ([child, branch]) => [Number(child), { parent: branch.parent, switchpoint: at(branch.at) }] as const,
  );
  return {
    geometry,
    backups: backups.map(recordOf),
    tree: new Map(tree),
    runs: runs.map(({ timeline, first, last, seen = 0 }) => ({
      timeline,
      first: BigInt(first),
      last: BigInt(last),
      storedBytes: 1,
      lastModified: minute(seen),
    })),
    lost: lost.map(({ timeline, first, last }) => ({
      timeline,
      first: BigInt(first),
      last: BigInt(last),
      lostFrom: minute(50),
      lostTo: minute(51),
      host: 'db1',
      backlogBytes: 3 * segmentSizeBytes,
      limitBytes: 2 * segmentSizeBytes,
      reason: 'no answer',
    })),
    known: known.map(({ timeline, first, last, sign }) => ({
      timeline,
      first: BigInt(first),
      last: BigInt(last),
      sign,
      shownBy: `a ${sign} says so`,
    })),
    acknowledged: acknowledged.map(({ timeline, first, last }) => ({
      timeline,
      first: BigInt(first),
      last: BigInt(last),
      acknowledgedAt: minute(55),
      user: 'alice',
      host: 'db1',
      reason: 'ticket 7',
    })),
    // The record ends a little later than it begins.
    noted: noted.map(({ timeline, at: segment }) => ({ timeline, lsn: at(segment) + 100n })),
    unusable: new Map(unusable.map(timeline => [timeline, 'it is empty'])),
    historyTimes: new Map(
      Object.entries(branches).map(([child, { seen = 0 }]) => [Number(child), minute(seen)]),
    ),
  };
}

function recordOf(backup: Drawn['backups'][number]): BackupRecord {
  const { id, from, to, ended, timeline = 1 } = backup;
  const startLsn = at(from);
  const stopLsn = at(to);
  return {
    id,
    type: 'full',
    parent: undefined,
    systemId: 1n,
    serverVersion: 150_006,
    walvaultVersion: '0',
    label: '',
    backupFrom: 'primary',
    startTime: minute(ended - 1),
    stopTime: minute(ended),
    timeline,
    startLsn,
    stopLsn,
    walRanges: [{ timeline, startLsn, endLsn: stopLsn }],
    geometry,
    dataChecksums: true,
    damagedPages: 0,
    fileCount: 1,
    sizeBytes: 1,
    tablespaces: [],
    externalFiles: [],
    manifest: { name: 'manifest.ndjson', storedSizeBytes: 0, storedSha256: '' },
    parts: [],
  };
}

function evidenceOf({ events = [], drops = [] }: Drawn): WalEvidence {
  const walEvents = (path: WalPath): WalEvent[] => {
    const segments = [...segmentsIn(path.pieces)];
    return events
      .filter(event =>
        segments.some(
          ({ timeline, segment }) => timeline === event.timeline && segment === BigInt(Math.floor(event.at)),
        ),
      )
      .map(event => eventOf(event));
  };
  return {
    async lastCommit(path, before) {
      const times = walEvents(path)
        .filter(event => event.kind === 'commit' && event.lsn >= path.startLsn && event.lsn < before)
        .map(event => ('timeMicros' in event ? event.timeMicros : 0n));
      return times.at(-1);
    },
    async find(path, target, { from, to }) {
      return walEvents(path)
        .filter(({ lsn }) => lsn >= from && lsn < to)
        .find(event => stopsAt(target, event, event));
    },
    async dropsInProgress(path, before) {
      return drops
        .toSorted((a, b) => a.from - b.from)
        .filter(drop => at(drop.from) < before && at(drop.to) >= before)
        .map(drop => ({
          kind: 'database',
          lsn: at(drop.from),
          objectId: 16_399,
          name: 'sales',
          commits: commitsSince(walEvents(path).filter(({ lsn }) => lsn > at(drop.from) && lsn < before)),
        }));
    },
  };
}

function commitsSince(events: readonly WalEvent[]): CommitsSince {
  const commits = events.flatMap(event => (event.kind === 'commit' ? [event] : []));
  return {
    count: commits.length,
    firstTimeMicros: commits[0]?.timeMicros,
    lastTimeMicros: commits.at(-1)?.timeMicros,
    transactionIds: commits.map(({ transactionId }) => transactionId),
  };
}

function eventOf(event: NonNullable<Drawn['events']>[number]): WalEvent {
  const lsn = at(event.at);
  const endLsn = lsn + 64n;
  const time = minute(event.minute);
  const timeMicros = microsOf(time);
  return event.name === undefined
    ? { kind: 'commit', time, timeMicros, transactionId: event.xid ?? 0, lsn, endLsn }
    : { kind: 'restore-point', name: event.name, timeMicros, lsn, endLsn };
}

/** One commit in the middle of each segment, the minute being the segment's number plus `offset`. */
export function commits(timeline: number, first: number, last: number, offset = 0) {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    timeline,
    at: first + index + 0.6,
    minute: first + index + offset,
    xid: 1000 * timeline + first + index,
  }));
}
