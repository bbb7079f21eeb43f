/**
 * The judgement on what listings and small records show: the continuity of WAL, and what backups and recoveries rely on.
 * Pure.
 */
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { Finding } from './finding.ts';
import type { ArchiveState } from './gather.ts';
import { judgeBackups } from './judge-backups.ts';
import { judgeRecords } from './judge-records.ts';
import { judgeTimelines } from './judge-timelines.ts';
import { judgeWal } from './judge-wal.ts';
import type { LossContext } from './loss.ts';

export function judgeContinuity(state: ArchiveState): Finding[] {
  const context = lossContextOf(state);
  return [
    ...judgeRecords(state),
    ...judgeBackups(state, context),
    ...judgeTimelines(state, context),
    ...judgeWal(state, context),
  ];
}

export function lossContextOf(state: ArchiveState): LossContext {
  return { sound: soundBackups(state), runs: state.runs, tree: state.timelines.tree };
}

function soundBackups({ faults }: ArchiveState): BackupRecord[] {
  return faults
    .filter(({ pieces, wal }) => pieces.count === 0 && wal.length === 0)
    .map(({ record }) => record);
}
