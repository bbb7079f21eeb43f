/**
 * `walvault backup`: one base backup of a running cluster, full or on a parent, to several repositories at once.
 *
 * A backup exists only once its commit record exists. The record is written when everything it names is durable and
 * all its WAL has arrived (P4). A failure before that leaves pieces that no command takes for a backup. The next run goes on
 * from the finished parts among them; on a host without a secret of its own they are removed.
 */
import type { Config } from '../../config/index.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { requireReadable } from '../../postgres/cluster/readable.ts';
import { spreadCheckpointMs, startBackup, stopBackup } from '../../postgres/server/backup-control.ts';
import { connectPostgres, type PgConnection } from '../../postgres/server/connection.ts';
import type { BackupRecord, DamagedPage } from '../../repository/format/backup-record.ts';
import { writeBackupRecord } from '../../repository/format/catalog.ts';
import type { DescribedAnomaly } from '../../repository/format/notes/anomaly.ts';
import { ensureClusterRecord } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { neededSegments } from '../../repository/wal/needed.ts';
import { noteHighWater } from '../../repository/wal/note-high-water.ts';
import { newBackupSet } from './backup-set.ts';
import { findNamedChanges, requireSameStart } from './changes/find-changes.ts';
import { tellMissedPages } from './changes/tell-missed.ts';
import { claimBackup } from './claim.ts';
import { copyCluster } from './collect/copy-cluster.ts';
import { chooseDestinations } from '../../repository/sets/destinations.ts';
import type { PartSet } from '../../repository/sets/part-set.ts';
import { lossesSinceBackup, type LostSinceBackup } from './wal/lost-wal.ts';
import { captureControlFile } from './ending/last-part.ts';
import { makeBackupRecord, recipientsOf } from './ending/make-record.ts';
import { noteAnomalies } from './ending/note-anomalies.ts';
import { writeNameMap } from './names/write-name-map.ts';
import { spanOf } from './wal/span.ts';
import type { AskedType } from './parent/choose-parent.ts';
import { pickParent, type PickedParent } from './parent/pick-parent.ts';
import { requireParent } from './parent/require-parent.ts';
import type { PartWriter } from './part/part-task.ts';
import { readBackupServerFacts, type BackupServerFacts } from './server-facts.ts';
import { Inventory } from './collect/inventory.ts';
import { endSegmentAfter, endSegmentBefore, requireArchivedWal } from './standby/archiving.ts';
import { awaitArchived } from './wal/await-archived.ts';
import { writeEnding } from './ending/write-ending.ts';
import { choosePlace, isUsedBy, type BackupPlace } from './resume/choose-place.ts';
import { ownSecret } from './resume/own-secret.ts';
import { PartIndexer } from './resume/part-indexer.ts';
import type { Log } from '../../observe/events/events.ts';

export interface BackupOptions {
  readonly config: Pick<Config, 'cluster' | 'dataDirectory' | 'backup' | 'postgres'>;
  /** Every configured repository that could be opened. */
  readonly repositories: readonly Repository[];
  /** Writes all parts but the last one. */
  readonly writer: PartWriter;
  /** Names of the repositories the backup must reach. Undefined: it goes to all, and must reach the required ones. */
  readonly named?: readonly string[] | undefined;
  /** False: it begins anew, although there is an interrupted one. Default true. */
  readonly resume?: boolean | undefined;
  /** Default: as configured. */
  readonly type?: AskedType | undefined;
  /** The label of the backup, one line; default: the id. */
  readonly label?: string | undefined;
  /** How long cleanup keeps the backup from its end on, whatever the policy says; undefined: the policy judges it. */
  readonly keepForMs?: number | undefined;
  /** Whether the backup starts with an immediate checkpoint; default: as configured. */
  readonly fast?: boolean | undefined;
  /** The environment in which libpq's variables are looked up. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface BackupResult {
  readonly record: BackupRecord;
  /** Names of the repositories that have the backup. */
  readonly repositories: readonly string[];
  /** The first damaged pages found; the record has the number of all. */
  readonly damagedPages: readonly DamagedPage[];
  /** WAL given up since the previous backup and still missing: this backup is the first one after the gap. */
  readonly lostWal: readonly LostSinceBackup[];
  /** What falls out of the history of earlier backups. */
  readonly anomalies: readonly DescribedAnomaly[];
  readonly durationMs: number;
}

/**
 * Takes a full base backup. Damaged pages do not make it fail: a backup with one bad page is worth more than none. It
 * is committed, its record has the number of damaged pages, and each causes a warning. The command line tells of them by its
 * exit status.
 * @throws WalvaultError; no commit record then exists in any repository, unless the message says that one does
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const { config, log, signal } = options;
  const startedAt = performance.now();
  const destinations = chooseDestinations(options.repositories, options.named, (repository, error) =>
    log.emit({ kind: 'repository-left-out', repository: repository.name, failure: toPlainError(error) }),
  );
  const connection = await connectPostgres({
    connectionString: config.postgres.connection,
    applicationName: 'walvault backup',
    env: options.env,
    signal,
  });
  try {
    const facts = await readBackupServerFacts(connection, config.dataDirectory, signal);
    const system = { cluster: config.cluster, systemId: facts.controlFile.systemId };
    await requireReadable(facts.dataDirectory, signal);
    options.writer.prepare?.();
    await destinations.inEach(repository => prepareRepository(repository, system, facts, signal));
    if (facts.isStandby && config.postgres.primaryConnection === undefined)
      await destinations.inEach(repository => requireArchivedWal(repository, system, signal));
    const lostWal = await lossesSinceBackup(destinations.repositories, {
      system,
      dataDirectory: facts.dataDirectory,
      geometry: facts.controlFile.geometry,
      all: options.repositories,
      log,
      signal,
    });
    // An unusable key must be reported before the checkpoint, not after it.
    await destinations.codec.keyring.encryptor('backup');
    const own = await ownSecret(destinations.codec.keyring, log);
    const picked = await pickParent({
      asked: options.type ?? config.backup.type,
      settings: config.backup,
      repositories: destinations.repositories,
      ...{ system, facts, own, connection, log, signal },
    });
    await using _state = picked?.state;
    await using place = await choosePlace({
      ...options,
      parent: picked?.record.id,
      own,
      connection,
      destinations,
      system,
    });
    const { id, attempt } = place;
    const label = checkLabel(options.label ?? id);
    const indexer = own && new PartIndexer({ ...own, system, id, destinations, log, signal }, place.finished);
    const set = newBackupSet({ system, id, attempt, destinations, indexer, log, signal });
    const run = {
      ...options,
      ...{ connection, facts, system, set, place, indexer, picked, id, attempt, label },
    };
    const { record, damagedPages } = await discardUnlessCommitted(run, () => takeBackup(run));
    const anomalies = await noteAnomalies(destinations.repositories, record, { system, log, signal });
    const repositories = destinations.repositories.map(({ name }) => name);
    const durationMs = performance.now() - startedAt;
    return { record, repositories, damagedPages, lostWal, anomalies, durationMs };
  } finally {
    await connection.close();
  }
}

interface BackupRun extends Omit<BackupOptions, 'label'> {
  readonly connection: PgConnection;
  readonly facts: BackupServerFacts;
  readonly system: SystemPath;
  readonly set: PartSet;
  readonly place: BackupPlace;
  readonly indexer: PartIndexer | undefined;
  /** Undefined for a full backup. */
  readonly picked: PickedParent | undefined;
  readonly id: string;
  readonly attempt: number;
  readonly label: string;
}

/** Does everything from the claim to the commit record. */
async function takeBackup(run: BackupRun): Promise<{ record: BackupRecord; damagedPages: DamagedPage[] }> {
  const { config, connection, facts, system, set, place, picked, id, attempt, label, log, signal } = run;
  const { destinations } = set;
  const parent = picked?.record;
  const { dataDirectory } = facts;
  // Before anything is written: a host without a place for temporary files is noticed here.
  await using inventory = await Inventory.create();
  const ended = facts.isStandby ? await endSegmentBefore(run) : undefined;
  if (ended !== undefined) await awaitArchived([ended], run);
  await destinations.inEach(repository =>
    claimBackup(repository, system, { id, attempt, startTime: new Date(), parent: parent?.id }, signal),
  );
  if (parent !== undefined)
    await destinations.inEach(repository => requireParent(repository, system, parent, signal));
  const fast = run.fast ?? config.backup.fastCheckpoint;
  const mayTakeMs = await spreadCheckpointMs(connection);
  log.emit({ kind: 'checkpoint-awaited', backup: id, isFast: fast, mayTakeMs });
  const started = await startBackup(connection, { label, fast });

  const settings = config.backup;
  const named = picked && (await findNamedChanges({ ...run, picked, settings, started }));

  const copying = { ...run, earlier: place.parts, parent: picked?.state, named, started, inventory };
  const copied = await copyCluster(copying);
  if (picked !== undefined) tellMissedPages({ id, picked }, copied.missed, log);
  await run.writer.release?.();
  const names = config.backup.nameMap ? await writeNameMap(run) : undefined;
  const capturedControl = await captureControlFile(dataDirectory, signal);
  const stopped = await stopBackup(connection);
  const span = spanOf(stopped, dataDirectory);
  if (named !== undefined) requireSameStart(named, span.label);
  const ending = await writeEnding({ ...run, parent, inventory, capturedControl, stopped, span });

  if (facts.isStandby) await endSegmentAfter(stopped.stopLsn, run);
  await awaitArchived(span.ranges, run);
  const record = makeBackupRecord({
    ...{ ...run, parent, started, stopped, span, copied, named, ending, names },
    parts: set.parts,
    recipients: await recipientsOf(destinations.codec.keyring),
  });
  await set.commit((repository, until) => writeBackupRecord(repository, system, record, until));
  const last = neededSegments(record).at(-1);
  // The record says the same, but a standby that asks for WAL every few seconds does not read all records.
  if (last !== undefined)
    await noteHighWater(
      destinations.repositories,
      { timeline: last.timeline, segment: last.last },
      { system, geometry: record.geometry, log, signal },
    );
  return { record, damagedPages: copied.damagedPages };
}

/** Proves that the repository is the configured one, and that it holds or will hold the WAL of this cluster. */
async function prepareRepository(
  repository: Repository,
  system: SystemPath,
  { controlFile }: BackupServerFacts,
  signal: AbortSignal,
): Promise<void> {
  await verifyMarker(repository, signal);
  await ensureClusterRecord(repository, system, controlFile, signal);
}

/**
 * Finished parts that a later run can go on from stay. What they hold was stored at a price, also where the disk was full: the
 * next run needs that space itself.
 */
async function discardUnlessCommitted<T extends { readonly record: BackupRecord }>(
  run: BackupRun,
  work: () => Promise<T>,
): Promise<T> {
  const { connection, set, indexer, id, attempt, log } = run;
  try {
    const result = await work();
    await set.discardLeftOut();
    if (run.attempt > 1) await set.discardUnused(isUsedBy(result.record));
    return result;
  } catch (error) {
    // The server ends the backup when the session ends; nothing else needs to be stopped.
    await connection.close();
    if (indexer !== undefined && (indexer.hasBegun || attempt > 1) && !set.isCommitting) {
      log.emit({ kind: 'backup-interrupted', backup: id, ...indexer.finished });
      throw error;
    }
    const repositories = (await set.discardUncommitted()).map(({ name }) => name);
    if (repositories.length === 0) log.emit({ kind: 'backup-not-completed', backup: id });
    else log.emit({ kind: 'backup-half-committed', backup: id, repositories });
    throw error;
  }
}

/** Rejects a label that does not fit in one line of backup_label (the limit is in do_pg_backup_start in xlog.c). */
function checkLabel(label: string): string {
  if (/[\r\n\0]/.test(label)) throw new WalvaultError('usage', 'a backup label is one line');
  if (Buffer.byteLength(label) > 1024)
    throw new WalvaultError('usage', 'a backup label has at most 1024 bytes');
  return label;
}
