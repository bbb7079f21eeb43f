/**
 * The writing half of a restore onto an existing data directory, in an order that matters (P6).
 *
 * Nothing is changed before the backup is known to the last line of its manifests. Then, each durable before the next: the marker, by which an
 * interrupted restore is known; `global/pg_control` goes, so that no server starts; `pg_wal` is moved aside. What the backup does not have is
 * removed before anything is written, so that nothing is written through a link. A failure leaves the directory as it is: the same restore
 * completes it.
 */
import { chmod, mkdir, realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import { fsyncDirectory } from '../../../base/files/durable.ts';
import { controlFilePath } from '../../../postgres/cluster/control-file.ts';
import { lockDataDirectory } from '../../../postgres/cluster/lock-file.ts';
import { restoredBytesOf } from '../../../repository/format/backup-record.ts';
import type { SystemSurvey } from '../../../repository/survey.ts';
import { accessModeOf, type AccessMode } from '../access-mode.ts';
import { requireSpace } from '../destination.ts';
import { finish, type Finished } from '../finish.ts';
import type { Places } from '../places.ts';
import { unpackLineage, verifyLineage, type VerifiedLineage } from '../unpack-lineage.ts';
import { linkWalDirectory, walSpace } from '../wal-directory.ts';
import type { WriteOptions } from '../write.ts';
import type { FileComparer } from './compare-files.ts';
import { refuseForeignTablespace, type ExistingDirectory } from './existing.ts';
import { readKnownPages } from './known-pages.ts';
import { ListedPaths } from './listed-paths.ts';
import { removeMarker, writeMarker } from './marker.ts';
import { selectFiles, type SelectedFiles } from './select-files.ts';
import { sweep } from './sweep.ts';
import { findWal, tellWal, type FoundWal } from './tell-wal.ts';
import { moveWalAside, stateOfWal } from './wal-aside.ts';

export interface DeltaOptions extends WriteOptions {
  readonly survey: SystemSurvey;
  readonly existing: ExistingDirectory;
  readonly comparer: FileComparer;
}

interface Prepared extends DeltaOptions {
  readonly dataDirectory: string;
  readonly accessMode: AccessMode;
  readonly verified: VerifiedLineage;
  readonly listed: ListedPaths;
  readonly places: Places;
  readonly wal: readonly FoundWal[];
}

/**
 * Writes the planned restore over the directory.
 * @throws WalvaultError `destination`, `refused`, `damaged`, `unreachable` before anything was changed; these and others later, when
 *   the directory does not start
 */
export async function writeDelta(options: DeltaOptions): Promise<Finished> {
  const { existing, plan, tablespaces, survey, log, signal } = options;
  const { path: dataDirectory } = existing;
  const record = plan.backup;
  signal.throwIfAborted();
  await using _lock = await lockDataDirectory(dataDirectory);
  log.emit({ kind: 'restore-started', backup: record.id, sizeBytes: restoredBytesOf(record), dataDirectory });
  await using verified = await verifyLineage({ ...options, spoolDirectory: dataDirectory });
  const manifest = verified.manifests.at(-1);
  if (manifest === undefined) throw new WalvaultError('internal', `backup ${record.id} has no manifest`);
  for (const tablespace of tablespaces)
    await refuseForeignTablespace(existing, tablespace, Math.floor(record.serverVersion / 10_000));
  const places = await placesOf(options);
  const inside = tablespaces.filter(({ isInside }) => isInside).map(({ directory }) => directory);
  await using listed = await ListedPaths.read({
    ...{ record, manifest, places, inside },
    spoolDirectory: dataDirectory,
  });
  await stateOfWal(dataDirectory);
  const wal = await findWal(survey, record.geometry, existing);
  const accessMode = accessModeOf(options.accessMode, record.dataDirectoryMode);
  try {
    return await replace({ ...options, dataDirectory, accessMode, verified, listed, places, wal });
  } catch (error) {
    log.emit({ kind: 'delta-restore-unfinished', dataDirectory });
    throw systemCode(error) === undefined ? error : localIoError('write into', dataDirectory, error);
  }
}

async function replace(options: Prepared): Promise<Finished> {
  const { dataDirectory, accessMode, listed, plan, verified, log, signal } = options;
  const record = plan.backup;
  await chmod(dataDirectory, accessMode);
  await mark(options);
  await moveWal(options);
  await prepareDirectories(options);
  const removed = await sweep({ dataDirectory, listed, signal });
  await using pages = await readKnownPages(options);
  await using selection = await selectFiles({ ...options, pages, spoolDirectory: dataDirectory });
  const { sameFiles, sameBytes, differingFiles } = selection;
  log.emit({ kind: 'delta-compared', sameFiles, sameBytes, differingFiles, removed });
  await requireGrowth(options, selection);
  await unpackLineage({ ...options, verified, selection });
  const finished = await finish({ ...options, record, choices: options });
  await removeMarker(dataDirectory);
  return finished;
}

/** From here on the directory is one that a delta restore works on, and no server starts from it. */
async function mark({ dataDirectory, existing, plan, tablespaces }: Prepared): Promise<void> {
  const own = tablespaces
    .filter(({ isInside }) => !isInside)
    .map(({ oid, directory }): [number, string] => [oid, directory]);
  await writeMarker(dataDirectory, {
    systemId: plan.backup.systemId,
    backup: plan.backup.id,
    tablespaces: new Map([...existing.tablespaces, ...own]),
  });
  const path = join(dataDirectory, controlFilePath);
  try {
    await rm(path, { recursive: true, force: true });
    await fsyncDirectory(dirname(path));
  } catch (error) {
    // Without its directory it was not there.
    if (systemCode(error) !== 'ENOENT') throw localIoError('remove', path, error);
  }
}

async function moveWal({ dataDirectory, wal, log }: Prepared): Promise<void> {
  const aside = await moveWalAside(dataDirectory, new Date());
  if (aside !== undefined) log.emit({ kind: 'wal-moved-aside', walDirectory: aside });
  for (const found of wal)
    tellWal(
      found,
      found.walDirectory === join(dataDirectory, 'pg_wal')
        ? (aside ?? found.walDirectory)
        : found.walDirectory,
      log,
    );
}

async function prepareDirectories({
  dataDirectory,
  walDirectory,
  tablespaces,
  accessMode,
}: Prepared): Promise<void> {
  for (const { directory, isInside } of tablespaces) if (!isInside) await make(directory, accessMode);
  if (walDirectory === undefined) return;
  await make(walDirectory, accessMode);
  await linkWalDirectory(dataDirectory, await realpath(walDirectory));
}

async function make(path: string, accessMode: AccessMode): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, accessMode);
    await fsyncDirectory(dirname(path));
  } catch (error) {
    throw localIoError('create directory', path, error);
  }
}

/** The directory of a tablespace may be reached by a link: what is removed and written is behind it. */
async function placesOf({ existing, tablespaces }: DeltaOptions): Promise<Places> {
  const found = [];
  for (const { oid, directory } of tablespaces)
    found.push({ oid, directory: await realpathOrOwn(directory) });
  return { dataDirectory: existing.path, tablespaces: found };
}

async function realpathOrOwn(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return path;
    throw localIoError('read', path, error);
  }
}

async function requireGrowth(options: Prepared, { growthBytes }: SelectedFiles): Promise<void> {
  const { dataDirectory, places, plan } = options;
  const elsewhere = places.tablespaces.map(({ oid, directory }) => ({
    directory,
    sizeBytes: growthBytes.get(oid) ?? 0,
  }));
  await requireSpace([
    { directory: dataDirectory, sizeBytes: growthBytes.get(undefined) ?? 0 },
    ...elsewhere,
    walSpace(options, plan),
  ]);
}
