/** How a backup that has begun finds what has changed since its parent: by WAL summaries where these can be trusted. */
import { join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { BackupLabel } from '../../../postgres/cluster/backup-label.ts';
import { readLocalHistory } from '../../../postgres/cluster/local-histories.ts';
import type { RelationLayout } from '../../../postgres/cluster/incremental/header.ts';
import { placeOfRelation } from '../../../postgres/cluster/relation-path.ts';
import type { StartedBackup } from '../../../postgres/server/backup-control.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { queryOne } from '../../../postgres/server/query.ts';
import { formatLsn, type Lsn } from '../../../postgres/wal/lsn.ts';
import type { ChangedBlocks } from '../../../postgres/wal/summaries/changed-blocks.ts';
import { namedBlocks, type NamedBlocks } from '../../../postgres/wal/summaries/segment-changes.ts';
import type { AuditRules } from '../part/part-task.ts';
import type { PickedParent } from '../parent/pick-parent.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import { awaitSummaries } from './await-summaries.ts';
import { logsEveryChange, planChanges, type ChangesSettings } from './plan.ts';

/** What WAL summaries say of the files of a cluster. */
export interface NamedChanges {
  /** Undefined: only the named pages are read. Else everything is, and pages that should have been named are counted. */
  readonly audit: AuditRules | undefined;
  /** Where the summaries end: the start of the backup. */
  readonly start: { readonly timeline: number; readonly lsn: Lsn };
  /** Undefined for what is not the main fork of a relation. */
  namedIn(path: string): NamedBlocks | undefined;
}

export interface FindOptions {
  readonly id: string;
  readonly settings: ChangesSettings;
  readonly connection: PgConnection;
  readonly facts: Pick<BackupServerFacts, 'dataDirectory' | 'dataChecksums' | 'controlFile'>;
  readonly picked: PickedParent;
  readonly started: StartedBackup;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Undefined where the backup reads everything, and compares page digests; why is told.
 * @throws WalvaultError `postgres`
 */
export async function findNamedChanges(options: FindOptions): Promise<NamedChanges | undefined> {
  const { id, settings, connection, facts, picked, started, log, signal } = options;
  const { lineage, backups } = picked;
  const server = { serverVersion: connection.serverVersion, summarizesWal: await summarizesWal(connection) };
  const plan = planChanges({ settings, server, lineage, backups, now: new Date() });
  if (plan.from === 'digests') {
    if (plan.reason !== undefined)
      log.emit({ kind: 'wal-summaries-not-used', backup: id, reason: plan.reason });
    return undefined;
  }
  const { timeline, startLsn } = picked.record;
  const { dataDirectory, dataChecksums, controlFile } = facts;
  const start = { timeline: started.timeline, lsn: started.startLsn };
  const history = readLocalHistory(join(dataDirectory, 'pg_wal'), start.timeline) ?? [];
  const found = await awaitSummaries(
    { from: { timeline, lsn: startLsn }, to: start, history },
    { dataDirectory, server, signal, onWait: () => log.emit({ kind: 'wal-summaries-awaited', backup: id }) },
  );
  if ('reason' in found) {
    log.emit({ kind: 'wal-summaries-not-used', backup: id, reason: found.reason });
    return undefined;
  }
  const { isAudit } = plan;
  log.emit({ kind: 'wal-summaries-used', backup: id, summaryCount: found.summaryCount, isAudit });
  const backupFrom = started.isStandby ? 'standby' : 'primary';
  const audit = {
    fromLsn: startLsn,
    toLsn: start.lsn,
    logsEveryChange: logsEveryChange(lineage, { timeline: start.timeline, backupFrom, dataChecksums }),
  };
  return {
    audit: isAudit ? audit : undefined,
    start,
    namedIn: path => namedIn(found.changed, path, controlFile),
  };
}

/**
 * Of a standby only the label tells for certain where its backup starts: the summaries must reach just there.
 * @throws WalvaultError `postgres`
 */
export function requireSameStart(
  { start }: NamedChanges,
  { startTimeline, startLsn }: Pick<BackupLabel, 'startTimeline' | 'startLsn'>,
): void {
  if (start.timeline === startTimeline && start.lsn === startLsn) return;
  throw new WalvaultError(
    'postgres',
    `the server says that the backup began at ${formatLsn(startLsn)} on timeline ${startTimeline}, and said ${formatLsn(start.lsn)} on timeline ${start.timeline} before`,
    { hint: 'The server has changed its timeline meanwhile. Take the backup again.' },
  );
}

function namedIn(changed: ChangedBlocks, path: string, layout: RelationLayout): NamedBlocks | undefined {
  const place = placeOfRelation(path);
  if (place?.fork !== 'main') return undefined;
  const { tablespace, database, relation, segment } = place;
  return namedBlocks(changed, { relation: { tablespace, database, relation }, segment }, layout);
}

async function summarizesWal(connection: PgConnection): Promise<boolean> {
  const sql = `select current_setting('summarize_wal', true) as setting`;
  return (await queryOne<{ setting: string | null }>(connection, sql)).setting === 'on';
}
