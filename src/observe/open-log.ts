/**
 * Opens a log file to append to. Root does it without being led elsewhere: the log of a command from its crontab often
 * lies in a directory of PostgreSQL's user, who could put a link to any file of root's in its place.
 */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemCode } from '../base/errors/errors.ts';
import { heirOf } from '../base/files/heir.ts';
import { findReplacerSync, isHisOwn, type Outsider } from '../base/files/outsider.ts';

/** Whatever the umask of the process says, so that a group of readers is possible. */
const mode = 0o640;
const shared = 0o660;
const { O_APPEND, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** Neither push nor fetch waits for its log: to open a named pipe would wait for a reader, perhaps for ever. */
const append = O_WRONLY | O_APPEND | O_NONBLOCK;

/**
 * @param chosenBy somebody else who may have named the path, where root runs
 * @throws system errors; Error for root where the file is not of whoever may replace it
 */
export function openLog(path: string, chosenBy: Outsider | undefined): number {
  if (process.geteuid?.() === 0) return openAsRoot(path, chosenBy ?? findReplacerSync(path));
  const created = create(path);
  if (created === undefined) return openSync(path, append);
  fchmodSync(created, mode);
  return created;
}

function openAsRoot(path: string, outsider: Outsider | undefined): number {
  const directory = openSync(dirname(path), O_DIRECTORY);
  try {
    // By the open directory: under its name could by now be another one.
    const inside = `/proc/self/fd/${directory}/${basename(path)}`;
    const around = fstatSync(directory);
    if (outsider === undefined || isHisOwn(outsider, around)) {
      const created = create(inside);
      if (created !== undefined) return giveRights(created, around);
    }
    if (outsider === undefined) return openSync(path, append);
    return openHisOwn(inside, outsider);
  } finally {
    closeSync(directory);
  }
}

function openHisOwn(inside: string, outsider: Outsider): number {
  const descriptor = openPlainly(inside);
  const found = descriptor === undefined ? undefined : fstatSync(descriptor);
  if (descriptor !== undefined && found?.isFile() === true && isHisOwn(outsider, found)) return descriptor;
  if (descriptor !== undefined) closeSync(descriptor);
  throw new Error(`root does not write to what another may replace: ${outsider.because}`);
}

/** Undefined for a link, and where nothing is. */
function openPlainly(path: string): number | undefined {
  try {
    return openSync(path, append | O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ELOOP' || systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined if the name is taken. */
function create(path: string): number | undefined {
  try {
    return openSync(path, 'ax', mode);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return undefined;
  }
}

/**
 * Cron's cleanup as root may be the first to write: the pushes of PostgreSQL's user write to the same file. Debian's
 * /var/log/postgresql is root's, and open to the group of that user.
 */
function giveRights(descriptor: number, around: Stats): number {
  const heir = heirOf(around);
  const isShared = heir === undefined && around.gid !== 0 && (around.mode & 0o020) !== 0;
  if (heir !== undefined) fchownSync(descriptor, heir.uid, heir.gid);
  if (isShared) fchownSync(descriptor, 0, around.gid);
  fchmodSync(descriptor, isShared ? shared : mode);
  return descriptor;
}
