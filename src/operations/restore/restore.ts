/**
 * `walvault restore`: restores a base backup into an empty directory.
 *
 * It writes the settings that make PostgreSQL recover from the archive to the target. Either the directory is
 * complete and durable, or PostgreSQL refuses to start from it (P6).
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { controlFilePath } from '../../postgres/cluster/control-file.ts';
import type { RecoverySettings } from '../../postgres/cluster/recovery-settings.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { ReplayMinimums } from '../../postgres/wal/replay-minimums.ts';
import { nameRange } from '../../postgres/wal/segment-range.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { SignaturePolicy } from '../../repository/encoding/signature-policy.ts';
import { pieceKey, type SystemPath } from '../../repository/format/layout.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { isStoreError, type ThawOptions } from '../../stores/store.ts';
import { accessModeOf, type AccessMode } from './access-mode.ts';
import { withUsableRepository } from './choose-repository.ts';
import { ColdArchiveError, possibleNeeds, requireReadable, thawAll } from './cold.ts';
import {
  prepareDirectory,
  refuseOccupied,
  removeWritten,
  requireSpace,
  type PreparedDirectory,
  type SpaceNeed,
} from './destination.ts';
import {
  isReadDuringReplay,
  overridesFor,
  type CopyChoices,
  type CopyFacts,
  type Override,
} from './copy-settings/overrides.ts';
import { minimumsOnTheWay } from './copy-settings/wal-minimums.ts';
import { finish, waitingControlFilePath, type Finished } from './finish.ts';
import { tablespaceOf, verifyManifest } from './manifest-spool.ts';
import { planRestore, type RestorePlan } from './plan.ts';
import type { RestoreRequest } from './request.ts';
import { restoreCommandOf } from './restore-command.ts';
import { proveOpens } from './stored-piece.ts';
import { chooseSystem, surveyForRestore } from './survey.ts';
import { mapTablespaces, type TablespaceTarget } from './tablespaces.ts';
import { recoveryTargetOf, type RestoreTarget } from './target.ts';
import { unpack } from './unpack.ts';
import { linkWalDirectory, refuseWalDirectory, walSpaceBytes } from './wal-directory.ts';
import { planWithWholeBackup } from './whole-backup.ts';
import { createWalEvidence } from './wal-evidence.ts';
import type { Log } from '../../observe/events/events.ts';
import type { RestoreEvent } from '../../observe/events/restore.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface RestoreOptions extends CopyChoices {
  /** The repositories in the order of the configuration: the first usable repository is used. */
  readonly repositories: readonly Repository[];
  readonly repositoryName: string | undefined;
  readonly cluster: string;
  /** Needed only when the cluster name has backups of several PostgreSQL systems. */
  readonly systemId: bigint | undefined;
  readonly verifySignatures: SignaturePolicy;
  readonly directory: string;
  readonly request: RestoreRequest;
  /** Put a configuration that lay outside the data directory into it. */
  readonly copiesConfiguration: boolean;
  /** Undefined: that of the origin, as far as PostgreSQL takes it. */
  readonly accessMode: AccessMode | undefined;
  /** A directory of its own for pg_wal; undefined: it is in the data directory. */
  readonly walDirectory: string | undefined;
  /** `OID=DIRECTORY` or `OLD=NEW`. */
  readonly tablespaceMap: readonly string[];
  readonly acceptsRecordedLocations: boolean;
  /** The command for restore_command that runs this walvault with its configuration file. */
  readonly walvaultCommand: readonly string[];
  readonly configPath: string | undefined;
  readonly dryRun: boolean;
  /** How to ask for objects in an archive tier. Undefined: the restore only reports them. */
  readonly thaw: Omit<ThawOptions, 'signal'> | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface RestoreResult {
  readonly walDirectory: string | undefined;
  readonly plan: RestorePlan;
  readonly askedTarget: RestoreTarget;
  readonly repository: string;
  readonly directory: string;
  readonly tablespaces: readonly TablespaceTarget[];
  readonly settings: RecoverySettings;
  readonly choices: CopyChoices;
  /** In place of the origin's settings (P12). */
  readonly overrides: readonly Override[];
  /** Undefined after a dry run. */
  readonly finished: Finished | undefined;
  /** False after a dry run. */
  readonly isRestored: boolean;
  readonly elapsedMs: number;
}

/**
 * Restores, or plans only in a dry run.
 * @throws WalvaultError `target`, `wal-missing`, `cold-tier`, `destination`, `refused` before anything was written;
 *   `damaged`, `unreachable`, `local-io` and others later, after the written files have been removed
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const startedAt = performance.now();
  const directory = resolve(options.directory);
  await refuseOccupied(directory);
  try {
    const outcome = await withUsableRepository(options, repository =>
      restoreFrom({ ...options, directory, repository }),
    );
    return {
      ...outcome,
      askedTarget: options.request.target,
      walDirectory: options.walDirectory,
      directory,
      elapsedMs: performance.now() - startedAt,
    };
  } catch (error) {
    // Thawing comes last: another repository might have had the objects at once.
    if (!(error instanceof ColdArchiveError) || options.thaw === undefined) throw error;
    throw await thawAll(error, { ...options.thaw, signal: options.signal });
  }
}

async function restoreFrom(
  options: RestoreOptions & { readonly repository: Repository },
): Promise<Omit<RestoreResult, 'askedTarget' | 'walDirectory' | 'directory' | 'elapsedMs'>> {
  const { repository, directory } = options;
  const survey = await chooseSystem(
    repository,
    options.cluster,
    { systemId: options.systemId, backupId: options.request.backupId },
    options.signal,
  );
  const { system } = survey;
  const plan = await makePlan(options, survey);
  const { backup } = plan;
  const tablespaces = mapTablespaces(backup.tablespaces, {
    dataDirectory: directory,
    map: options.tablespaceMap,
    acceptsRecorded: options.acceptsRecordedLocations || options.dryRun,
  });
  for (const tablespace of tablespaces) await refuseOccupied(tablespace.directory);
  await refuseBadWalDirectory(options, tablespaces);
  if (tablespaces.length === 0)
    await requireSpace([{ directory, sizeBytes: backup.sizeBytes }, walSpace(options, plan)]);
  const settings = recoverySettings(options, plan);
  await proveKeyFits(options, system, backup);
  const finished = options.dryRun
    ? undefined
    : await write({
        ...options,
        system,
        plan,
        tablespaces,
        settings,
        minimumsOnTheWay: await minimumsToRead({ ...options, system, plan }),
      });
  return {
    plan,
    repository: repository.name,
    tablespaces,
    settings,
    choices: options,
    overrides: finished?.overrides ?? overridesFor(options, plannedFacts(backup)),
    finished,
    isRestored: !options.dryRun,
  };
}

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

async function refuseBadWalDirectory(
  { directory, walDirectory }: RestoreOptions,
  tablespaces: readonly TablespaceTarget[],
): Promise<void> {
  if (walDirectory === undefined) return;
  refuseWalDirectory(walDirectory, [directory, ...tablespaces.map(one => one.directory)]);
  await refuseOccupied(walDirectory);
}

function walSpace({ directory, walDirectory }: RestoreOptions, { wal, backup }: RestorePlan): SpaceNeed {
  const sizeBytes = walSpaceBytes(wal, backup.geometry.segmentSizeBytes);
  return { directory: walDirectory ?? directory, sizeBytes };
}

/**
 * Proves, before anything is written, that a private key or passphrase fits. A dry run on a host without any warns and
 * continues; one that has a key shows that the key is of no use.
 */
async function proveKeyFits(
  { repository, dryRun, log, signal }: RestoreOptions & { readonly repository: Repository },
  system: SystemPath,
  record: BackupRecord,
): Promise<void> {
  try {
    await proveOpens(repository, { key: pieceKey(system, record.id, record.manifest), signal });
  } catch (error) {
    const { privateKeys, passphrases } = repository.codec.keyring.settings;
    const hasKey = privateKeys.length + passphrases.length > 0;
    if (!dryRun || hasKey || !(error instanceof WalvaultError) || error.code !== 'key') throw error;
    log.emit({ kind: 'private-key-needed', failure: toPlainError(error) });
  }
}

async function makePlan(
  { request, verifySignatures, log, signal }: RestoreOptions,
  archive: SystemSurvey,
): Promise<RestorePlan> {
  const { repository, system } = archive;
  const { backupId } = request;
  const survey = await surveyForRestore(archive, { verifySignatures, backupId, log });
  const { geometry } = survey;
  const evidence = createWalEvidence({ repository, system, geometry, log, signal });
  const check = { repository, system, survey, signal };
  try {
    const { plan, listed } = await planWithWholeBackup({ ...check, backupId, log }, usable =>
      planRestore(usable, request, evidence),
    );
    await requireReadable(check, { backups: [plan.backup], wal: plan.wal, listed });
    if (plan.acceptedGap !== undefined) log.emit(acceptedGapEvent(plan.acceptedGap, geometry));
    return plan;
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

function recoverySettings(options: RestoreOptions, plan: RestorePlan): RecoverySettings {
  const { walvaultCommand, configPath, mode, targetAction, primaryConninfo } = options;
  const hasTarget = plan.target.kind !== 'end';
  // A standby outlives the timeline that it begins on: it follows a failover.
  const timeline = mode === 'standby' ? undefined : plan.timeline;
  return {
    mode,
    restoreCommand: restoreCommandOf({ walvaultCommand, configPath, timeline, hasTarget }),
    target: recoveryTargetOf(plan.target),
    targetTimeline: timeline === undefined ? 'latest' : String(timeline),
    targetAction,
    primaryConninfo,
  };
}

interface WriteOptions extends RestoreOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly plan: RestorePlan;
  readonly tablespaces: readonly TablespaceTarget[];
  readonly settings: RecoverySettings;
  readonly minimumsOnTheWay: ReplayMinimums | undefined;
}

async function write(options: WriteOptions): Promise<Finished> {
  const { directory, walDirectory, log, signal } = options;
  const accessMode = accessModeOf(options.accessMode, options.plan.backup.dataDirectoryMode);
  const prepared: PreparedDirectory[] = [];
  try {
    signal.throwIfAborted();
    const root = await prepareDirectory(directory, accessMode);
    prepared.push(root);
    if (walDirectory !== undefined) {
      const wal = await prepareDirectory(walDirectory, accessMode);
      prepared.push(wal);
      await linkWalDirectory(root.path, wal.path);
    }
    for (const { directory, isInside } of options.tablespaces)
      if (!isInside) prepared.push(await prepareDirectory(directory, accessMode));
    return await writeFiles(options, root.path);
  } catch (error) {
    await tidyUp(prepared, log);
    throw systemCode(error) === undefined ? error : localIoError('write into', directory, error);
  }
}

async function writeFiles(options: WriteOptions, dataDirectory: string): Promise<Finished> {
  const { repository, system, plan, tablespaces, log, signal } = options;
  const record = plan.backup;
  log.emit({ kind: 'restore-started', backup: record.id, sizeBytes: record.sizeBytes, dataDirectory });
  await using manifest = await verifyManifest({
    repository,
    system,
    record,
    spoolDirectory: dataDirectory,
    signal,
  });
  const elsewhere = tablespaces.map(({ oid, directory }) => ({
    directory,
    sizeBytes: manifest.tablespaceBytes(oid),
  }));
  const elsewhereBytes = elsewhere.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  await requireSpace([
    { directory: dataDirectory, sizeBytes: manifest.totalBytes - elsewhereBytes },
    ...elsewhere,
    walSpace(options, plan),
  ]);
  for (const tablespace of tablespaces)
    if (tablespace.isInside) await mkdir(tablespace.directory, { recursive: true, mode: 0o700 });
  const locate = locator(dataDirectory, tablespaces);
  await unpack({ ...options, record, manifest, locate });
  const accessMode = accessModeOf(options.accessMode, record.dataDirectoryMode);
  return await finish({ ...options, dataDirectory, record, accessMode, choices: options });
}

/**
 * Gives the destination of a manifest path. The path's form has been checked: relative, without `..` (isSafePath).
 */
function locator(
  dataDirectory: string,
  tablespaces: readonly TablespaceTarget[],
): (path: string) => string | undefined {
  const directories = new Map(tablespaces.map(({ oid, directory }) => [oid, directory]));
  return path => {
    if (path === controlFilePath) return join(dataDirectory, waitingControlFilePath);
    const oid = tablespaceOf(path);
    const directory = oid === undefined ? undefined : directories.get(oid);
    if (directory === undefined) return join(dataDirectory, path);
    const rest = path.split('/').slice(2).join('/');
    return rest === '' ? undefined : join(directory, rest);
  };
}

async function tidyUp(prepared: readonly PreparedDirectory[], log: Log): Promise<void> {
  try {
    await removeWritten(prepared);
    if (prepared.length > 0) log.emit({ kind: 'restore-undone' });
  } catch (error) {
    const directories = prepared.map(({ path }) => path);
    log.emit({ kind: 'restore-not-undone', directories, failure: toPlainError(error) });
  }
}
