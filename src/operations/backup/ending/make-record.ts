/** What is said of a finished backup in its commit record. */
import { join } from 'node:path';
import { walvaultVersion } from '../../../base/build-info.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { StartedBackup, StoppedBackup } from '../../../postgres/server/backup-control.ts';
import { parseBackupLabel, type BackupLabel } from '../../../postgres/cluster/backup-label.ts';
import { readLocalHistory } from '../../../postgres/cluster/local-histories.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { historyFileName } from '../../../postgres/wal/file-name.ts';
import { timelineOfLsn, type TimelineHistoryEntry } from '../../../postgres/wal/timeline-history.ts';
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

export function spanOf(stopped: StoppedBackup, dataDirectory: string): Span {
  const label = parseBackupLabel(stopped.labelFile);
  const { startTimeline, startLsn } = label;
  const { stopLsn } = stopped;
  const history =
    stopped.stopTimeline === startTimeline ? [] : requireHistory(dataDirectory, stopped.stopTimeline);
  // The standby may have moved on between its stop and the question which timeline it is on.
  const stopTimeline = timelineOfLsn(history, stopped.stopTimeline, stopLsn - 1n);
  return { label, ranges: walRangesOf({ startTimeline, startLsn, stopTimeline, stopLsn }, history) };
}

function requireHistory(dataDirectory: string, timeline: number): TimelineHistoryEntry[] {
  const walDirectory = join(dataDirectory, 'pg_wal');
  const history = readLocalHistory(walDirectory, timeline);
  if (history !== undefined) return history;
  throw new WalvaultError('local-io', `${historyFileName(timeline)} is not in ${walDirectory}`);
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
