/** Archives of any size for `SimulatedBucket`: the WAL of some timelines, and backups with their records. */
import { formatHex8 } from '../../../src/postgres/wal/file-name.ts';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import { encodeBackupRecord } from '../../../src/repository/format/backup-record-json.ts';
import type { BackupRecord } from '../../../src/repository/format/backup-record.ts';
import {
  backupPrefix,
  commitRecordKey,
  walPrefix,
  type SystemPath,
} from '../../../src/repository/format/layout.ts';
import { sampleRecord } from '../sample-record.ts';
import type { ComputedObjects } from './bucket.ts';

export const largeGeometry = new WalGeometry(16 * 1024 ** 2);
const segmentsPerLog = 256;
const startedAt = Date.UTC(2020, 0, 1);
const storedSegmentBytes = 4_000_000;

/** Segments of one timeline, from `first` on. */
export interface TimelineWal {
  readonly timeline: number;
  readonly first: number;
  readonly count: number;
}

/** The timelines in ascending order, and in each its runs. One segment a second. */
export function walOf(system: SystemPath, runs: readonly TimelineWal[]): ComputedObjects {
  const prefix = walPrefix(system);
  const ends: number[] = [];
  for (const { count } of runs) ends.push((ends.at(-1) ?? 0) + count);
  const positionOf = (index: number) => {
    const at = ends.findIndex(end => index < end);
    const run = runs[at];
    if (run === undefined) throw new RangeError(`no segment ${index}`);
    return { timeline: run.timeline, segment: run.first + index - (ends[at - 1] ?? 0) };
  };
  return {
    count: ends.at(-1) ?? 0,
    keyOf(index) {
      const { timeline, segment } = positionOf(index);
      const [tli, log] = [formatHex8(timeline), formatHex8(Math.floor(segment / segmentsPerLog))];
      return `${prefix}${tli}/${log}/${tli}${log}${formatHex8(segment % segmentsPerLog)}`;
    },
    objectOf: index => ({
      sizeBytes: storedSegmentBytes,
      modified: new Date(startedAt + index * 1000),
    }),
  };
}

/** Full backups of timeline 1, one after each `everySegments` from segment 1 on. Each takes two segments of WAL. */
export interface Backups {
  readonly count: number;
  readonly everySegments: number;
}

export function recordOf(system: SystemPath, index: number, { everySegments }: Backups): BackupRecord {
  const segment = BigInt(1 + index * everySegments);
  const startLsn = largeGeometry.startLsn(segment) + 0x28n;
  const stopLsn = largeGeometry.startLsn(segment + 1n) + 0x100n;
  const startTime = new Date(startedAt + index * everySegments * 1000);
  return {
    ...sampleRecord,
    id: idOf(index),
    systemId: system.systemId,
    startTime,
    stopTime: new Date(startTime.getTime() + 1000),
    startLsn,
    stopLsn,
    walRanges: [{ timeline: 1, startLsn, endLsn: stopLsn }],
    geometry: largeGeometry,
  };
}

/** Backups have times in their ids, in this simulation with a day between them. */
function idOf(index: number): string {
  const day = new Date(startedAt + index * 86_400_000).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${day}-full-000000`;
}

/** `catalog/backups/`, without signatures. */
export function recordsOf(system: SystemPath, backups: Backups): ComputedObjects {
  return {
    count: backups.count,
    keyOf: index => commitRecordKey(system, idOf(index)),
    objectOf(index) {
      const record = recordOf(system, index, backups);
      const body = encodeBackupRecord(record);
      return { sizeBytes: body.length, modified: new Date(record.stopTime.getTime() + 1000), body };
    },
  };
}

const pieces = [
  { name: 'claim.json', sizeBytes: 100 },
  { name: sampleRecord.manifest.name, sizeBytes: sampleRecord.manifest.storedSizeBytes },
  ...[...sampleRecord.parts].map(({ name, storedSizeBytes }) => ({ name, sizeBytes: storedSizeBytes })),
];

export const objectsOfBackup = pieces.length;

/** `backups/`: the claim, the manifest and the parts of each backup. */
export function backupObjectsOf(system: SystemPath, backups: Backups): ComputedObjects {
  const pieceOf = (index: number) => {
    const piece = pieces[index % pieces.length];
    if (piece === undefined) throw new RangeError(`no object ${index}`);
    return { id: idOf(Math.floor(index / pieces.length)), ...piece };
  };
  return {
    count: backups.count * pieces.length,
    keyOf(index) {
      const { id, name } = pieceOf(index);
      return `${backupPrefix(system, id)}${name}`;
    },
    objectOf: index => ({
      sizeBytes: pieceOf(index).sizeBytes,
      modified: recordOf(system, Math.floor(index / pieces.length), backups).stopTime,
    }),
  };
}
