/** The content of a finished backup's commit record. */
import { walvaultVersion } from '../../../base/build-info.ts';
import type { StartedBackup, StoppedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import type { Keyring } from '../../../repository/encoding/keyring.ts';
import type { BackupPart, BackupRecord, StoredPiece } from '../../../repository/format/backup-record.ts';
import type { NamedChanges } from '../changes/find-changes.ts';
import type { CopiedCluster } from '../collect/copy-cluster.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import type { Span } from '../wal/span.ts';
import type { Ending } from './write-ending.ts';

export interface RecordSource {
  readonly id: string;
  readonly attempt: number;
  /** Undefined for a full backup. */
  readonly parent: Pick<BackupRecord, 'id'> | undefined;
  readonly label: string;
  /** How long cleanup keeps the backup from its end on, whatever the policy says. */
  readonly keepForMs?: number | undefined;
  readonly connection: Pick<PgConnection, 'serverVersion'>;
  readonly facts: Pick<BackupServerFacts, 'controlFile' | 'dataChecksums' | 'dataDirectoryMode'>;
  readonly started: StartedBackup;
  readonly stopped: StoppedBackup;
  readonly span: Span;
  readonly copied: CopiedCluster;
  /** What WAL summaries said, if they were used. */
  readonly named: Pick<NamedChanges, 'audit'> | undefined;
  readonly ending: Ending;
  readonly parts: readonly BackupPart[];
  readonly names: StoredPiece | undefined;
  /** Fingerprints of the keys that the backup is encrypted to. */
  readonly recipients: readonly string[];
}

export function makeBackupRecord(source: RecordSource): BackupRecord {
  const { started, stopped, span, copied, ending } = source;
  const { controlFile, dataChecksums } = source.facts;
  const { systemId, geometry } = controlFile;
  // Rounded up: a restore target must not be earlier than this.
  const stopTime = new Date(Number((stopped.stopTimeMicros + 999n) / 1000n));
  return {
    id: source.id,
    type: source.parent === undefined ? 'full' : 'incremental',
    parent: source.parent?.id,
    systemId,
    serverVersion: source.connection.serverVersion,
    walvaultVersion: walvaultVersion(),
    label: source.label,
    backupFrom: span.label.backupFrom,
    startTime: new Date(Number(started.startTimeMicros / 1000n)),
    stopTime,
    ...(source.keepForMs !== undefined && { keepUntil: new Date(stopTime.getTime() + source.keepForMs) }),
    timeline: span.label.startTimeline,
    startLsn: span.label.startLsn,
    stopLsn: stopped.stopLsn,
    walRanges: span.ranges,
    geometry,
    dataChecksums,
    damagedPages: copied.damagedPageCount,
    ...(copied.damagedPages.length > 0 && { namedDamagedPages: copied.damagedPages }),
    dataDirectoryMode: source.facts.dataDirectoryMode,
    fileCount: copied.fileCount + ending.fileCount,
    sizeBytes: copied.sizeBytes + ending.sizeBytes,
    ...(source.parent !== undefined && {
      restoredSizeBytes: copied.restoredSizeBytes + ending.sizeBytes,
      relationLayout: {
        blockSizeBytes: controlFile.blockSizeBytes,
        relationSegmentBlocks: controlFile.relationSegmentBlocks,
      },
      changesFrom: source.named !== undefined && source.named.audit === undefined ? 'summaries' : 'digests',
    }),
    ...(source.named?.audit !== undefined && { audited: { missedPages: copied.missed.count } }),
    tablespaces: copied.tablespaces,
    links: copied.links,
    externalFiles: copied.externalFiles,
    recipients: source.recipients,
    ...(source.attempt > 1 && { resumed: { attempt: source.attempt, ...copied.takenOver } }),
    manifest: ending.manifest,
    ...(source.names !== undefined && { names: source.names }),
    parts: source.parts,
  };
}

/** Fingerprints of the public keys that backups are encrypted to; none without such keys. */
export async function recipientsOf(keyring: Keyring): Promise<string[]> {
  if (keyring.settings.mode !== 'openpgp') return [];
  return (await keyring.recipients('backup')).map(({ fingerprint }) => fingerprint);
}
