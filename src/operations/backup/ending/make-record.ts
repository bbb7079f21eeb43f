/** What is said of a finished backup in its commit record. */
import { join } from 'node:path';
import { walvaultVersion } from '../../../base/build-info.ts';
import { localIoError } from '../../../base/errors/errors.ts';
import { readText } from '../../../base/files/read.ts';
import type { StartedBackup, StoppedBackup } from '../../../postgres/server/backup-control.ts';
import { parseBackupLabel, type BackupLabel } from '../../../postgres/cluster/backup-label.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { historyFileName } from '../../../postgres/wal/file-name.ts';
import {
  parseTimelineHistory,
  timelineOfLsn,
  type TimelineHistoryEntry,
} from '../../../postgres/wal/timeline-history.ts';
import type { BackupPart, BackupRecord, WalRange } from '../../../repository/format/backup-record.ts';
import type { CopiedCluster } from '../collect/copy-cluster.ts';
import type { ServerFacts } from '../server-facts.ts';
import { walRangesOf } from '../wal/wal-ranges.ts';
import type { Ending } from './write-ending.ts';

/** From where to where the backup reaches. */
export interface Span {
  /** As the server wrote it: on a standby it, and not the start, says where recovery begins. */
  readonly label: BackupLabel;
  readonly ranges: readonly WalRange[];
}

export async function spanOf(stopped: StoppedBackup, dataDirectory: string): Promise<Span> {
  const label = parseBackupLabel(stopped.labelFile);
  const { startTimeline, startLsn } = label;
  const { stopLsn } = stopped;
  const history =
    stopped.stopTimeline === startTimeline ? [] : await readHistory(dataDirectory, stopped.stopTimeline);
  // The standby may have moved on between its stop and the question which timeline it is on.
  const stopTimeline = timelineOfLsn(history, stopped.stopTimeline, stopLsn - 1n);
  return { label, ranges: walRangesOf({ startTimeline, startLsn, stopTimeline, stopLsn }, history) };
}

async function readHistory(dataDirectory: string, timeline: number): Promise<TimelineHistoryEntry[]> {
  const path = join(dataDirectory, 'pg_wal', historyFileName(timeline));
  try {
    return parseTimelineHistory(await readText(path), path);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

export interface RecordSource {
  readonly id: string;
  readonly label: string;
  readonly connection: Pick<PgConnection, 'serverVersion'>;
  readonly facts: Pick<ServerFacts, 'controlFile'>;
  readonly started: StartedBackup;
  readonly stopped: StoppedBackup;
  readonly span: Span;
  readonly copied: CopiedCluster;
  readonly ending: Ending;
  readonly parts: readonly BackupPart[];
}

export function makeBackupRecord(source: RecordSource): BackupRecord {
  const { started, stopped, span, copied, ending } = source;
  const { systemId, segmentSizeBytes, dataChecksums } = source.facts.controlFile;
  return {
    id: source.id,
    type: 'full',
    parent: undefined,
    systemId,
    serverVersion: source.connection.serverVersion,
    walvaultVersion: walvaultVersion(),
    label: source.label,
    backupFrom: span.label.backupFrom,
    startTime: new Date(Number(started.startTimeMicros / 1000n)),
    // Rounded up: a restore target must not be earlier than this.
    stopTime: new Date(Number((stopped.stopTimeMicros + 999n) / 1000n)),
    timeline: span.label.startTimeline,
    startLsn: span.label.startLsn,
    stopLsn: stopped.stopLsn,
    walRanges: span.ranges,
    segmentSizeBytes,
    dataChecksums,
    damagedPages: copied.damagedPageCount,
    fileCount: copied.fileCount + ending.fileCount,
    sizeBytes: copied.sizeBytes + ending.sizeBytes,
    tablespaces: copied.tablespaces,
    externalFiles: copied.externalFiles,
    manifest: ending.manifest,
    parts: source.parts,
  };
}
