/**
 * The data directory that a delta restore is to replace: whether it may be touched at all. Only a directory that shows that it is this
 * cluster's is; nothing in it is believed beyond that.
 */
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { fileBounds } from '../../../base/bounds.ts';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import { readText } from '../../../base/files/read.ts';
import {
  controlFilePath,
  readControlFile,
  type ControlFile,
} from '../../../postgres/cluster/control-file.ts';
import { refuseInUse } from '../../../postgres/cluster/lock-file.ts';
import type { BackedUpTablespace, BackupRecord } from '../../../repository/format/backup-record.ts';
import { overlaps, type TablespaceTarget } from '../tablespaces.ts';
import { readMarker, type DeltaMarker } from './marker.ts';

export interface ExistingDirectory {
  /** The absolute path, with symbolic links resolved. */
  readonly path: string;
  /** Of a delta restore that was interrupted here. */
  readonly marker: DeltaMarker | undefined;
  /** Undefined: it is not there, as after an interruption. */
  readonly control: ControlFile | undefined;
  /** The directories of its tablespaces outside of it, as its links have them or its marker. */
  readonly tablespaces: ReadonlyMap<number, string>;
}

/**
 * Looks at the directory, and changes nothing.
 * @returns undefined for a missing or an empty directory
 * @throws WalvaultError `destination` for what is no data directory, not this user's, or has a server; `local-io`
 */
export async function lookAtExisting(
  directory: string,
  signal: AbortSignal,
): Promise<ExistingDirectory | undefined> {
  const names = await namesIn(directory);
  if (names === undefined || names.length === 0) return undefined;
  const path = await realpath(directory);
  await refuseOthers(path);
  await refuseInUse(path);
  const marker = await readMarker(path);
  const control = await controlIfThere(path, signal);
  if (marker === undefined && control === undefined)
    throw new WalvaultError('destination', `${directory} is not empty and has no ${controlFilePath}`, {
      hint: 'A delta restore replaces a data directory of the same cluster only. Restore into an empty or new directory; nothing in this one was touched.',
    });
  return { path, marker, control, tablespaces: await tablespacesOf(path, marker) };
}

/** @throws WalvaultError `refused` unless the directory is one of the backup's cluster */
export async function refuseForeign(
  { path, marker, control }: ExistingDirectory,
  { systemId, serverVersion }: Pick<BackupRecord, 'systemId' | 'serverVersion'>,
): Promise<void> {
  // What has become of a directory since it had its marker, its control file says.
  const found = control?.systemId ?? marker?.systemId;
  if (found !== systemId)
    throw new WalvaultError(
      'refused',
      `${path} belongs to the system ${found}, the backup is of the system ${systemId}`,
      { hint: `Nothing in it was touched. ${elsewhere}` },
    );
  if (control === undefined) return;
  const major = Math.floor(serverVersion / 10_000);
  const version = (await readIfThere(join(path, 'PG_VERSION')))?.trim() ?? 'none';
  if (version !== String(major) || control.postgresMajor !== major)
    throw new WalvaultError(
      'refused',
      `${path} is a data directory of PostgreSQL ${version === 'none' ? control.postgresMajor : version}, the backup is of ${major}`,
      { hint: `Nothing in it was touched. ${elsewhere}` },
    );
}

const elsewhere = 'Restore into an empty or new directory.';

/** The mappings that follow from the directory's own tablespaces, for those that nobody has mapped. Pure. */
export function ownMappings(
  { path, tablespaces }: Pick<ExistingDirectory, 'path' | 'tablespaces'>,
  wanted: readonly BackedUpTablespace[],
  asked: readonly string[],
): string[] {
  const isAsked = (key: string) => asked.some(mapping => mapping.startsWith(`${key}=`));
  return wanted.flatMap(({ oid, location }) => {
    const directory = tablespaces.get(oid);
    if (directory === undefined || !isAbsolute(location) || isAsked(String(oid)) || isAsked(location))
      return [];
    return overlaps(path, directory) ? [] : [`${oid}=${directory}`];
  });
}

/**
 * Refuses a tablespace's directory with files of a cluster that nothing shows to be this one: a copy on the host of its origin has
 * the same system identifier and the same names there.
 * @param versionDirectory `PG_<major>_<catversion>`
 * @throws WalvaultError `refused`, `local-io`
 */
export async function refuseForeignTablespace(
  { tablespaces }: ExistingDirectory,
  { oid, directory, isInside }: TablespaceTarget,
  major: number,
): Promise<void> {
  if (isInside) return;
  const names = (await namesIn(directory)) ?? [];
  const found = names.find(name => isVersionDirectory(name, major));
  if (found === undefined) return;
  const own = tablespaces.get(oid);
  if (own !== undefined && (await realpath(directory)) === (await realpathOrOwn(own))) return;
  throw new WalvaultError(
    'refused',
    `tablespace ${oid}: ${join(directory, found)} is there, and the data directory's own link does not lead to it`,
    {
      hint: `It may be another server's. Give the tablespace another directory with --tablespace-map ${oid}=DIRECTORY, or remove it yourself.`,
    },
  );
}

/** True for `PG_<major>_<catversion>` (relpath.h, TABLESPACE_VERSION_DIRECTORY). */
export function isVersionDirectory(name: string, major: number): boolean {
  return new RegExp(`^PG_${major}_[1-9]\\d{0,9}$`).test(name);
}

/** Others could put links in the place of what is being looked at. */
async function refuseOthers(path: string): Promise<void> {
  const { uid, mode } = await stat(path);
  const own = process.geteuid?.();
  if (own !== undefined && own !== 0 && uid !== own)
    throw new WalvaultError('destination', `${path} belongs to another user`, {
      hint: 'Run the restore as the user that runs PostgreSQL.',
    });
  if ((mode & 0o022) !== 0)
    throw new WalvaultError(
      'destination',
      `${path} may be written by others (mode ${(mode & 0o777).toString(8)})`,
      {
        hint: 'PostgreSQL takes 0700 or 0750 only: chmod it, and see what is in it.',
      },
    );
}

async function controlIfThere(path: string, signal: AbortSignal): Promise<ControlFile | undefined> {
  try {
    await lstat(join(path, controlFilePath));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw localIoError('read', join(path, controlFilePath), error);
  }
  return await readControlFile(path, signal);
}

async function tablespacesOf(
  path: string,
  marker: DeltaMarker | undefined,
): Promise<ReadonlyMap<number, string>> {
  const found = new Map(marker?.tablespaces);
  const directory = join(path, 'pg_tblspc');
  for (const name of (await namesIn(directory)) ?? []) {
    if (!/^[1-9]\d{0,9}$/.test(name)) continue;
    const target = await linkTarget(join(directory, name));
    if (target !== undefined && isAbsolute(target)) found.set(Number(name), resolve(target));
  }
  return found;
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (['EINVAL', 'ENOENT'].includes(systemCode(error) ?? '')) return undefined;
    throw localIoError('read', path, error);
  }
}

async function realpathOrOwn(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return path;
    throw localIoError('read', path, error);
  }
}

/** Undefined where nothing is. @throws WalvaultError `destination` for a file */
async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR')
      throw new WalvaultError('destination', `${path} is not a directory`, {
        hint: 'Restore into an empty or new directory, or onto a data directory of the same cluster.',
      });
    throw localIoError('read directory', path, error);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readText(path, fileBounds.serverFile.limitBytes);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
}
