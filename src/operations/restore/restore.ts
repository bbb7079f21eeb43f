/**
 * `walvault restore`: restores a base backup into an empty directory.
 *
 * It writes the settings that make PostgreSQL recover from the archive to the target. Either the directory is
 * complete and durable, or PostgreSQL refuses to start from it (P6).
 */
import { resolve } from 'node:path';
import type { RestoreEvent } from '../../observe/events/restore.ts';
import type { RecoverySettings } from '../../postgres/cluster/recovery-settings.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { ReplayMinimums } from '../../postgres/wal/replay-minimums.ts';
import { nameRange } from '../../postgres/wal/segment-range.ts';
import { restoredBytesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { thawingHoldMs } from '../../repository/restores-in-progress.ts';
import { isStoreError, type ThawOptions } from '../../stores/store.ts';
import { withUsableRepository } from './choose-repository.ts';
import { ColdArchiveError, possibleNeeds, requireReadable, thawAll } from './cold.ts';
import { isReadDuringReplay, overridesFor, type CopyFacts } from './copy-settings/overrides.ts';
import { minimumsOnTheWay } from './copy-settings/wal-minimums.ts';
import {
  lookAtExisting,
  ownMappings,
  refuseForeign,
  refuseForeignTablespace,
  type ExistingDirectory,
} from './delta/existing.ts';
import { findWal, tellWal } from './delta/tell-wal.ts';
import { refuseFilled, stateOfWal } from './delta/wal-aside.ts';
import { writeDelta } from './delta/write-delta.ts';
import type { Finished } from './finish.ts';
import { holdBackup, type RestoreHold } from './hold.ts';
import { refuseOccupied, requireSpace, requireSpaceTogether } from './destination.ts';
import type { RestoreOptions, RestoreResult } from './options.ts';
import { databasesOf } from './only-databases/databases-of.ts';
import { planRestore, type RestorePlan } from './plan.ts';
import { proveKeyFits } from './prove-key-fits.ts';
import { refuseRemoved } from './refuse-removed.ts';
import { restoreCommandOf } from './restore-command.ts';
import { findPgCtl } from './start/programs.ts';
import { chooseSystem, surveyForRestore } from './survey.ts';
import { mapTablespaces, type TablespaceTarget } from './tablespaces.ts';
import { describeTarget, recoveryTargetOf } from './target.ts';
import { refuseWalDirectory, walSpace } from './wal-directory.ts';
import { createWalEvidence } from './wal-evidence.ts';
import { planWithWholeBackup } from './whole-backup.ts';
import { write, type WriteOptions } from './write.ts';

/**
 * Restores, or plans only in a dry run.
 * @throws WalvaultError `target`, `wal-missing`, `cold-tier`, `destination`, `refused` before anything was written;
 *   `damaged`, `unreachable`, `local-io` and others later, after the written files have been removed
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const startedAt = performance.now();
  const directory = resolve(options.directory);
  const existing = options.delta && (await lookAtExisting(directory, options.signal));
  if (existing === undefined) await refuseOccupied(directory);
  try {
    const outcome = await withUsableRepository(options, repository =>
      restoreFrom({ ...options, directory, repository, existing }),
    );
    return { ...outcome, elapsedMs: performance.now() - startedAt };
  } catch (error) {
    // Thawing comes last: another repository might have had the objects at once.
    if (!(error instanceof ColdArchiveError) || options.thaw === undefined) throw error;
    await holdWhileThawing(error, { ...options, directory, thaw: options.thaw });
    throw await thawAll(error, { ...options.thaw, signal: options.signal });
  }
}

async function restoreFrom(
  options: RestoreOptions & {
    readonly repository: Repository;
    /** The directory is not empty. */
    readonly existing: ExistingDirectory | undefined;
  },
): Promise<Omit<RestoreResult, 'elapsedMs'>> {
  const { repository, directory, existing } = options;
  const survey = await chooseSystem(
    repository,
    options.cluster,
    { systemId: options.systemId, backupId: options.request.backupId },
    options.signal,
  );
  const { system } = survey;
  const { plan, lineage } = await makePlan(options, survey);
  if (!options.dryRun) options.unpacker.prepare?.();
  const { backup } = plan;
  if (existing !== undefined) await refuseForeign(existing, backup);
  const own = existing && ownMappings(existing, backup.tablespaces, options.tablespaceMap);
  const tablespaces = mapTablespaces(backup.tablespaces, {
    dataDirectory: existing?.path ?? directory,
    map: [...options.tablespaceMap, ...(own ?? [])],
    acceptsRecorded: options.acceptsRecordedLocations || options.dryRun,
  });
  for (const tablespace of tablespaces)
    if (existing === undefined) await refuseOccupied(tablespace.directory);
    else await refuseForeignTablespace(existing, tablespace, Math.floor(backup.serverVersion / 10_000));
  await refuseBadWalDirectory(options, tablespaces);
  // The manifest knows what some of the databases take; the space is checked again when that is read.
  const sizeBytes = options.databaseNames === undefined ? restoredBytesOf(backup) : 0;
  const needs = [{ directory, sizeBytes }, walSpace(options, plan)];
  // How much of a directory can stay is not known before it is compared.
  if (existing !== undefined) await refuseUnmovableWal(existing);
  else if (tablespaces.length === 0) await requireSpace(needs);
  // The manifest knows how much goes into each of them; it is checked again when that is read.
  else
    await requireSpaceTogether([
      ...needs,
      ...tablespaces.map(one => ({ directory: one.directory, sizeBytes: 0 })),
    ]);
  const settings = recoverySettings(options, plan);
  const postgresMajor = Math.floor(backup.serverVersion / 10_000);
  const start = options.start && {
    port: options.start.port,
    pgCtl: await findPgCtl({ ...options.start, postgresMajor, signal: options.signal }),
  };
  const opens = await proveKeyFits(options, system, backup);
  const databases = opens ? await databasesOf(options, system, backup) : undefined;
  const minimumsOnTheWay = options.dryRun ? undefined : await minimumsToRead({ ...options, system, plan });
  const written = options.dryRun
    ? undefined
    : await writeHeld(survey, {
        ...options,
        ...{ system, plan, lineage, databases, tablespaces, settings, minimumsOnTheWay },
      });
  const finished = written?.finished;
  if (options.dryRun && existing !== undefined)
    for (const found of await findWal(survey, backup.geometry, existing))
      tellWal(found, found.walDirectory, options.log);
  return {
    isDelta: existing !== undefined,
    plan,
    askedTarget: options.request.target,
    repository: repository.name,
    directory,
    walDirectory: options.walDirectory,
    tablespaces,
    settings,
    choices: options,
    databases,
    start,
    overrides: finished?.overrides ?? overridesFor(options, plannedFacts(backup)),
    finished,
    hold: written?.hold,
  };
}

/** Writes the copy while its backup and WAL are held, and goes on holding the WAL for its server. */
async function writeHeld(
  survey: SystemSurvey,
  options: WriteOptions & { readonly existing: ExistingDirectory | undefined },
): Promise<{ readonly finished: Finished; readonly hold: RestoreHold }> {
  const { plan, replayHoldMs, existing, delta, signal } = options;
  const hold = await holdBackup(
    { ...options, backup: plan.backup, target: describeTarget(plan.target) },
    'unpacking',
  );
  try {
    await refuseRemoved(survey, plan, signal);
    const held = { ...options, log: hold.log };
    const finished =
      existing === undefined || delta === undefined
        ? await write(held)
        : await writeDelta({ ...held, survey, existing, comparer: delta });
    if (replayHoldMs > 0) await hold.enter('replaying', replayHoldMs);
    else await hold.end();
    return { finished, hold };
  } catch (error) {
    await hold.end();
    throw error;
  }
}

/** Anybody who can add records can add very many. */
const mostHeld = 10;

/** Holds each backup that the restore after the thaw may need, as long as the slowest thaw and its copies last. */
async function holdWhileThawing(
  { repository, system, backups }: ColdArchiveError,
  options: RestoreOptions & { readonly thaw: Omit<ThawOptions, 'signal'> },
): Promise<void> {
  const target = describeTarget(options.request.target);
  for (const backup of backups.slice(0, mostHeld)) {
    const hold = { ...options, repository, system, backup, target };
    const held = await holdBackup(hold, 'thawing', thawingHoldMs + options.thaw.days * dayMs);
    await held[Symbol.asyncDispose]();
  }
}

const dayMs = 24 * 3_600_000;

/** Only where replay checks the values: reading all WAL twice is a price that no other copy need pay. */
async function minimumsToRead(
  options: RestoreOptions & {
    readonly repository: Repository;
    readonly system: SystemPath;
    readonly plan: RestorePlan;
  },
): Promise<ReplayMinimums | undefined> {
  if (!isReadDuringReplay(options)) return undefined;
  const { geometry } = options.plan.backup;
  return await minimumsOnTheWay({ ...options, geometry }, options.plan);
}

/** The facts that a dry run has: neither the configuration nor pg_control is unpacked. */
function plannedFacts({ serverVersion }: BackupRecord): CopyFacts {
  return {
    postgresMajor: Math.floor(serverVersion / 10_000),
    configured: undefined,
    minimums: undefined,
  };
}

async function refuseUnmovableWal({ path }: ExistingDirectory): Promise<void> {
  await stateOfWal(path);
}

async function refuseBadWalDirectory(
  {
    directory,
    walDirectory,
    existing,
  }: RestoreOptions & { readonly existing: ExistingDirectory | undefined },
  tablespaces: readonly TablespaceTarget[],
): Promise<void> {
  if (walDirectory === undefined) return;
  refuseWalDirectory(walDirectory, [directory, ...tablespaces.map(one => one.directory)]);
  // An interrupted restore has left directories in it.
  if (existing !== undefined) await refuseFilled(walDirectory);
  else await refuseOccupied(walDirectory);
}

async function makePlan(
  { request, verifySignatures, log, signal }: RestoreOptions,
  archive: SystemSurvey,
): Promise<{ readonly plan: RestorePlan; readonly lineage: readonly BackupRecord[] }> {
  const { repository, system } = archive;
  const { backupId } = request;
  const restorePoint = request.target.kind === 'name' ? request.target.name : undefined;
  const survey = await surveyForRestore(archive, { verifySignatures, backupId, restorePoint, log });
  const { geometry } = survey;
  const evidence = createWalEvidence({ repository, system, geometry, log, signal });
  const check = { repository, system, survey, signal };
  try {
    const { plan, lineage, listed } = await planWithWholeBackup({ ...check, backupId, log }, usable =>
      planRestore(usable, request, evidence),
    );
    await requireReadable(check, { backups: lineage, wal: plan.wal, listed });
    if (plan.acceptedGap !== undefined) log.emit(acceptedGapEvent(plan.acceptedGap, geometry));
    return { plan, lineage };
  } catch (error) {
    if (isStoreError(error, 'cold')) await requireReadable(check, possibleNeeds(survey, request));
    throw error;
  }
}

function acceptedGapEvent(gap: AcknowledgedGap, geometry: WalGeometry): RestoreEvent {
  const { user, host, reason, acknowledgedAt } = gap;
  const { firstSegment, lastSegment } = nameRange(gap, geometry);
  const time = acknowledgedAt.toISOString();
  return { kind: 'restore-ends-at-gap', firstSegment, lastSegment, user, host, reason, acknowledgedAt: time };
}

function recoverySettings(
  options: RestoreOptions & { readonly repository: Repository },
  plan: RestorePlan,
): RecoverySettings {
  const { walvaultCommand, configPath, mode, targetAction, primaryConninfo } = options;
  const hasTarget = plan.target.kind !== 'end';
  // A standby outlives the timeline that it begins on: it follows a failover.
  const timeline = mode === 'standby' ? undefined : plan.timeline;
  return {
    mode,
    restoreCommand: restoreCommandOf({
      walvaultCommand,
      configPath,
      timeline,
      hasTarget,
      past: options.readAt && { at: options.readAt, repository: options.repository.name },
    }),
    target: recoveryTargetOf(plan.target),
    targetTimeline: timeline === undefined ? 'latest' : String(timeline),
    targetAction,
    primaryConninfo,
  };
}
