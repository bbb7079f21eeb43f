/**
 * The last steps of a restore, in an order that matters (P6).
 *
 * PostgreSQL refuses to start until `global/pg_control` has its name, and it gets its name when everything else is
 * durable.
 */
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { fsyncDirectory, writeFileDurably } from '../../base/files/durable.ts';
import { readText, readWhole } from '../../base/files/read.ts';
import { backupLabelName, parseBackupLabel } from '../../postgres/cluster/backup-label.ts';
import { updateBackupManifest } from '../../postgres/cluster/backup-manifest.ts';
import { controlFilePath, parseControlFile } from '../../postgres/cluster/control-file.ts';
import { postmasterPidName } from '../../postgres/cluster/postmaster-pid.ts';
import { writeRecoverySettings, type RecoverySettings } from '../../postgres/cluster/recovery-settings.ts';
import { promoteSignal, recoverySignal, standbySignal } from '../../postgres/cluster/signal-files.ts';
import { encodeTablespaceMap, tablespaceMapName } from '../../postgres/cluster/tablespace-map.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { fsyncTree } from './destination.ts';
import type { TablespaceTarget } from './tablespaces.ts';

/** The temporary name of `global/pg_control`, which means nothing to PostgreSQL. */
export const waitingControlFilePath = 'global/pg_control.walvault-restore';

/** Files of a running server, which a backup made by another program may hold. */
const strayFiles = [standbySignal, recoverySignal, promoteSignal, postmasterPidName, 'postmaster.opts'];

export interface FinishOptions {
  readonly dataDirectory: string;
  readonly record: BackupRecord;
  readonly tablespaces: readonly TablespaceTarget[];
  readonly settings: RecoverySettings;
  readonly signal: AbortSignal;
}

export async function finish(options: FinishOptions): Promise<void> {
  const { dataDirectory, tablespaces, signal } = options;
  await refuseForeign(options);
  for (const name of strayFiles) await rm(join(dataDirectory, name), { force: true });
  for (const name of ['pg_wal', 'pg_wal/archive_status', 'pg_tblspc'])
    await mkdir(join(dataDirectory, name), { recursive: true, mode: 0o700 });
  await linkTablespaces(dataDirectory, tablespaces);
  await writeSettings(options);
  await writeFileDurably(join(dataDirectory, recoverySignal), '');
  for (const { directory } of tablespaces) await fsyncTree(directory);
  await fsyncTree(dataDirectory);
  signal.throwIfAborted();
  await rename(join(dataDirectory, waitingControlFilePath), join(dataDirectory, controlFilePath));
  await fsyncDirectory(join(dataDirectory, 'global'));
}

/** Refuses a backup that is genuine and whole but contradicts its record. */
async function refuseForeign({ dataDirectory, record }: FinishOptions): Promise<void> {
  const control = parseControlFile(await read(join(dataDirectory, waitingControlFilePath)));
  const label = parseBackupLabel((await read(join(dataDirectory, backupLabelName))).toString('utf8'));
  const isRight =
    control.systemId === record.systemId &&
    control.geometry.segmentSizeBytes === record.geometry.segmentSizeBytes &&
    label.startLsn === record.startLsn;
  if (!isRight)
    throw new WalvaultError('damaged', `backup ${record.id} holds the files of another backup or cluster`);
}

/**
 * PostgreSQL makes the links anew from `tablespace_map` when it finds a backup label (read_tablespace_map in
 * xlogrecovery.c), so both must say the same.
 */
async function linkTablespaces(
  dataDirectory: string,
  tablespaces: readonly TablespaceTarget[],
): Promise<void> {
  for (const { oid, directory } of tablespaces)
    await symlink(directory, join(dataDirectory, 'pg_tblspc', String(oid)));
  if (tablespaces.every(({ location, directory }) => location === directory)) return;
  const content = Buffer.from(encodeTablespaceMap(tablespaces));
  await writeFileDurably(join(dataDirectory, tablespaceMapName), content);
  await updateBackupManifest(dataDirectory, { path: tablespaceMapName, content });
}

async function writeSettings({ dataDirectory, settings }: FinishOptions): Promise<void> {
  const path = join(dataDirectory, 'postgresql.auto.conf');
  let text = '';
  try {
    text = await readText(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw localIoError('read', path, error);
  }
  await writeFileDurably(path, writeRecoverySettings(text, settings));
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readWhole(path);
  } catch (error) {
    throw localIoError('read', path, error);
  }
}
