/** Picks the parent of a backup: looks at the earlier backups, chooses by the plan, and reads what the parent has of each page. */
import { join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { Log } from '../../../observe/events/events.ts';
import { readLocalHistory } from '../../../postgres/cluster/local-histories.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { parseLsn } from '../../../postgres/wal/lsn.ts';
import { restoredPiecesOf, type BackupRecord } from '../../../repository/format/backup-record.ts';
import { lineageOf } from '../../../repository/backup/lineage.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { Repository } from '../../../repository/repository.ts';
import { surveySystem, type SystemSurvey } from '../../../repository/survey.ts';
import { missingPieces, whyNotWhole } from '../../../repository/stored-backups.ts';
import type { OwnSecret } from '../resume/own-secret.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import { chooseParent, type AskedType, type ParentSettings } from './choose-parent.ts';
import type { KnownBackup, ParentServer } from './known-backup.ts';
import { ParentState } from './parent-state.ts';

export interface PickOptions {
  readonly asked: AskedType;
  readonly settings: ParentSettings;
  readonly repositories: readonly Repository[];
  readonly system: SystemPath;
  readonly facts: BackupServerFacts;
  /** Undefined: this host has no secret, and takes full backups. */
  readonly own: OwnSecret | undefined;
  readonly connection: PgConnection;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface PickedParent {
  readonly record: BackupRecord;
  readonly state: ParentState;
  /** The full backup first, the parent last. */
  readonly lineage: readonly BackupRecord[];
  /** The backups of the system that any of the repositories has, whole or not. */
  readonly backups: readonly BackupRecord[];
}

/**
 * Undefined for a full backup; why is told. What cannot be read of a parent makes a full backup, not a failure.
 * @throws StoreError; WalvaultError `postgres`, `local-io`
 */
export async function pickParent(options: PickOptions): Promise<PickedParent | undefined> {
  const { asked, settings, log } = options;
  if (asked === 'full') return undefined;
  const { records, backups } = await backupsEverywhere(options);
  const known = [...records.values()].map(one => knownBackup(one, options));
  const choice = chooseParent({ asked, settings, backups: known, server: await serverNow(options) });
  const parent = choice.kind === 'full' ? undefined : records.get(choice.parent.id);
  if (parent === undefined) {
    log.emit({ kind: 'full-backup-chosen', reason: choice.reason });
    return undefined;
  }
  const lineage = lineageOf(parent.record, id => records.get(id)?.record);
  const state = lineage && (await readState(lineage, options));
  if (lineage === undefined || state === undefined) return undefined;
  log.emit({ kind: 'incremental-backup-chosen', parent: parent.record.id, reason: choice.reason });
  return { record: parent.record, state, lineage, backups };
}

interface FoundBackup {
  readonly record: BackupRecord;
  readonly isExpiring: boolean;
}

/** The backups that every repository has whole: an incremental one is worth nothing where its parent is not. */
async function backupsEverywhere({
  repositories,
  system,
  signal,
}: PickOptions): Promise<{ records: Map<string, FoundBackup>; backups: BackupRecord[] }> {
  const surveys = repositories.map(repository => surveySystem(repository, system, signal));
  const [first, ...others] = await Promise.all(surveys.map(wholeBackups));
  const backups = new Map<string, BackupRecord>();
  for (const survey of surveys)
    for (const { record } of await survey.believedBackups()) backups.set(record.id, record);
  const found = first ?? new Map<string, FoundBackup>();
  for (const [id, { record, isExpiring }] of found)
    for (const other of others) {
      const there = other.get(id);
      if (there === undefined) found.delete(id);
      else if (there.isExpiring && !isExpiring) found.set(id, { record, isExpiring: true });
    }
  return { records: found, backups: [...backups.values()] };
}

async function wholeBackups(survey: SystemSurvey): Promise<Map<string, FoundBackup>> {
  const [entries, directories, expiring] = await Promise.all([
    survey.believedBackups(),
    survey.backupDirectories(),
    survey.expiring(),
  ]);
  const found = new Map<string, FoundBackup>();
  for (const { record } of entries) {
    const sizes = directories.get(record.id)?.sizes ?? new Map<string, number>();
    if (whyNotWhole(missingPieces(restoredPiecesOf(record), sizes)) === undefined)
      found.set(record.id, { record, isExpiring: expiring.has(record.id) });
  }
  return found;
}

function knownBackup({ record, isExpiring }: FoundBackup, { facts, own }: PickOptions): KnownBackup {
  // A cluster keeps its block size for life: pg_resetwal and pg_upgrade refuse another one.
  const { blockSizeBytes } = facts.controlFile;
  return { ...record, blockSizeBytes, isExpiring, isReadable: own !== undefined, ownBytes: record.sizeBytes };
}

async function serverNow({ facts, system, connection }: PickOptions): Promise<ParentServer> {
  const [now] = await connection.query<{ lsn: string; timeline: string }>(`
    select (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as lsn,
      timeline_id::text as timeline from pg_control_checkpoint()`);
  if (now === undefined) throw new WalvaultError('postgres', 'the server does not tell where its WAL ends');
  const { controlFile, dataDirectory, dataChecksums } = facts;
  const timeline = Number(now.timeline);
  return {
    systemId: system.systemId,
    timeline,
    history: readLocalHistory(join(dataDirectory, 'pg_wal'), timeline) ?? [],
    lsn: parseLsn(now.lsn),
    dataChecksums,
    blockSizeBytes: controlFile.blockSizeBytes,
    now: new Date(),
  };
}

async function readState(
  lineage: readonly BackupRecord[],
  { repositories, system, own, log, signal }: PickOptions,
): Promise<ParentState | undefined> {
  const [repository] = repositories;
  if (own === undefined || repository === undefined) return undefined;
  try {
    return await ParentState.read({ repository, system, secret: own.secret, lineage, signal });
  } catch (error) {
    if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
    log.emit({ kind: 'parent-not-readable', parent: lineage.at(-1)?.id ?? '', failure: toPlainError(error) });
    return undefined;
  }
}
