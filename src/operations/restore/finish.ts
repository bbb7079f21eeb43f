/**
 * The last steps of a restore, in an order that matters (P6).
 *
 * PostgreSQL refuses to start until `global/pg_control` has its name, and it gets its name when everything else is
 * durable.
 */
import { fileBounds } from '../../base/bounds.ts';
import { chmod, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { fsyncDirectory, writeFileDurably } from '../../base/files/durable.ts';
import { readWhole } from '../../base/files/read.ts';
import { backupLabelName, parseBackupLabel } from '../../postgres/cluster/backup-label.ts';
import { backupManifestName, updateBackupManifest } from '../../postgres/cluster/backup-manifest.ts';
import { controlFilePath, parseControlFile, type ControlFile } from '../../postgres/cluster/control-file.ts';
import { postmasterPidName } from '../../postgres/cluster/postmaster-pid.ts';
import { writeRecoverySettings, type RecoverySettings } from '../../postgres/cluster/recovery-settings.ts';
import { promoteSignal, recoverySignal, standbySignal } from '../../postgres/cluster/signal-files.ts';
import { encodeTablespaceMap, tablespaceMapName } from '../../postgres/cluster/tablespace-map.ts';
import { largest, type ReplayMinimums } from '../../postgres/wal/replay-minimums.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { AccessMode } from './access-mode.ts';
import {
  autoConfName,
  configurationName,
  readCopyConfiguration,
} from './copy-settings/copy-configuration.ts';
import { absentFiles, unknownLibraries, type AbsentFile } from './copy-settings/obstacles.ts';
import { overridesFor, type CopyChoices, type Override } from './copy-settings/overrides.ts';
import { makeOwnConfiguration, type OwnConfiguration } from './copy-settings/own-configuration.ts';
import { serverOptionsOf, startCommand } from './copy-settings/start-command.ts';
import { fsyncTree } from './destination.ts';
import { waitingControlFilePath } from './places.ts';
import type { TablespaceTarget } from './tablespaces.ts';

/** Files of a running server, which a backup made by another program may hold. */
const strayFiles = [standbySignal, recoverySignal, promoteSignal, postmasterPidName, 'postmaster.opts'];

export interface FinishOptions {
  readonly dataDirectory: string;
  readonly record: BackupRecord;
  readonly tablespaces: readonly TablespaceTarget[];
  readonly settings: RecoverySettings;
  readonly choices: CopyChoices;
  /** Put a configuration that lay outside the data directory into it. */
  readonly copiesConfiguration: boolean;
  /** What replay meets between the backup and the target; undefined if that was not read, or nothing changes. */
  readonly minimumsOnTheWay: ReplayMinimums | undefined;
  readonly accessMode: AccessMode;
  /** The directory of its own behind the link `pg_wal`, if it has one. */
  readonly walDirectory: string | undefined;
  readonly signal: AbortSignal;
}

/** What the copy got in place of its origin's configuration. */
export interface Finished {
  readonly overrides: readonly Override[];
  readonly configuration: OwnConfiguration;
  readonly startCommand: string;
  /** What the server gets by pg_ctl's `-o`; empty for nothing. */
  readonly serverOptions: string;
  readonly absentFiles: readonly AbsentFile[];
  readonly unknownLibraries: readonly string[];
}

export async function finish(options: FinishOptions): Promise<Finished> {
  const { dataDirectory, tablespaces, settings, signal } = options;
  const control = await refuseForeign(options);
  for (const name of strayFiles) await rm(join(dataDirectory, name), { force: true });
  for (const name of ['pg_wal', 'pg_wal/archive_status', 'pg_tblspc'])
    await mkdir(join(dataDirectory, name), { recursive: true, mode: 0o700 });
  await linkTablespaces(dataDirectory, tablespaces);
  const finished = await writeSettings(options, control);
  const signalFile = settings.mode === 'standby' ? standbySignal : recoverySignal;
  await writeFileDurably(join(dataDirectory, signalFile), '');
  if (options.accessMode === 0o750) await openToGroup(dataDirectory);
  for (const { directory } of tablespaces) await fsyncTree(directory);
  if (options.walDirectory !== undefined) await fsyncTree(options.walDirectory);
  await fsyncTree(dataDirectory);
  signal.throwIfAborted();
  await rename(join(dataDirectory, waitingControlFilePath), join(dataDirectory, controlFilePath));
  await fsyncDirectory(join(dataDirectory, 'global'));
  return finished;
}

/** Files and directories that the end of a backup or of a restore makes, with the rights of their owner alone. */
const madeHere = {
  files: [
    autoConfName,
    configurationName,
    recoverySignal,
    standbySignal,
    backupLabelName,
    tablespaceMapName,
    backupManifestName,
  ],
  directories: ['pg_wal', 'pg_wal/archive_status', 'pg_tblspc'],
};

async function openToGroup(dataDirectory: string): Promise<void> {
  for (const name of madeHere.directories) await chmod(join(dataDirectory, name), 0o750);
  for (const name of madeHere.files) {
    try {
      await chmod(join(dataDirectory, name), 0o640);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
}

/** Refuses a backup that is genuine and whole but contradicts its record. */
async function refuseForeign({ dataDirectory, record }: FinishOptions): Promise<ControlFile> {
  const control = parseControlFile(await read(join(dataDirectory, waitingControlFilePath)));
  const label = parseBackupLabel((await read(join(dataDirectory, backupLabelName))).toString('utf8'));
  const isRight =
    control.systemId === record.systemId &&
    control.geometry.segmentSizeBytes === record.geometry.segmentSizeBytes &&
    label.startLsn === record.startLsn;
  if (!isRight)
    throw new WalvaultError('damaged', `backup ${record.id} holds the files of another backup or cluster`);
  return control;
}

/**
 * PostgreSQL makes the links anew from `tablespace_map` when it finds a backup label (read_tablespace_map in
 * xlogrecovery.c), so both must say the same. A map that names another directory than was accepted here, or one more,
 * would have the server write there.
 */
async function linkTablespaces(
  dataDirectory: string,
  tablespaces: readonly TablespaceTarget[],
): Promise<void> {
  for (const { oid, directory } of tablespaces)
    await symlink(directory, join(dataDirectory, 'pg_tblspc', String(oid)));
  const path = join(dataDirectory, tablespaceMapName);
  const before = await readIfThere(path);
  const content = Buffer.from(encodeTablespaceMap(tablespaces));
  if (content.equals(before)) return;
  await writeFileDurably(path, content);
  await updateBackupManifest(dataDirectory, {
    path: tablespaceMapName,
    content,
    isNew: before.length === 0,
  });
}

async function writeSettings(options: FinishOptions, control: ControlFile): Promise<Finished> {
  const { dataDirectory, record, settings, choices, copiesConfiguration, minimumsOnTheWay } = options;
  const configured = await readCopyConfiguration(dataDirectory, record.externalFiles);
  const configuration = await makeOwnConfiguration(dataDirectory, configured, {
    copies: copiesConfiguration,
  });
  const minimums =
    minimumsOnTheWay === undefined
      ? control.replayMinimums
      : largest(control.replayMinimums, minimumsOnTheWay);
  const overrides = overridesFor(choices, {
    postgresMajor: control.postgresMajor,
    configured,
    minimums,
  });
  const path = join(dataDirectory, autoConfName);
  const before = await readIfThere(path);
  const written = overrides.map(({ name, value, why }) => ({ name, value: value ?? '', why }));
  await writeFileDurably(path, writeRecoverySettings(before, settings, written));
  const { source } = configuration;
  const start = { dataDirectory, source, externalFiles: record.externalFiles };
  return {
    overrides,
    configuration,
    startCommand: startCommand({ ...start, postgresMajor: control.postgresMajor }),
    serverOptions: serverOptionsOf(start),
    absentFiles: absentFiles(configured, dataDirectory),
    unknownLibraries: unknownLibraries(configured),
  };
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readWhole(path, fileBounds.postgresConfiguration.limitBytes);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw localIoError('read', path, error);
    return Buffer.alloc(0);
  }
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readWhole(path, fileBounds.postgresConfiguration.limitBytes);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}
