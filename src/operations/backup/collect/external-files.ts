/**
 * Configuration files outside the data directory (Debian keeps them in /etc), captured for a restore on a new
 * machine.
 *
 * Each is stored under `walvault_external/` and its old path. They are ordinary files of the backup, in both
 * manifests, so `pg_verifybackup` knows them; PostgreSQL ignores a directory it does not know. A restore leaves them
 * there, in the restored data directory: only a person knows whether this is the same machine and whether to put them
 * back. A later backup skips that directory and captures the files that are in force then.
 */
import { lstat, realpath } from 'node:fs/promises';
import { dirname, posix, sep } from 'node:path';
import { describeSystemCode, systemCode } from '../../../base/errors/errors.ts';
import { externalDirectory } from '../../../repository/format/backup-record.ts';
import type { OpenFile } from '../part/read-file.ts';
import { wholeMs, type BackupEntry } from '../part/backup-entry.ts';
import type { Log } from '../../../observe/events/events.ts';

export function isExternalPath(path: string): boolean {
  return path === externalDirectory || path.startsWith(`${externalDirectory}/`);
}

export interface ExternalFiles {
  /** The files, and the directories they need, ready to be merged into the walk. */
  readonly entries: readonly BackupEntry[];
  /** Absolute paths of the configuration files, as the server names them. */
  readonly paths: readonly string[];
}

interface Capture {
  readonly dataDirectory: string;
  readonly open: OpenFile;
  readonly log: Log;
}

/**
 * Finds and captures the files. An unreadable file is left out with a warning: the data is worth more than its
 * settings.
 */
export async function findExternalFiles(
  configurationFiles: readonly string[],
  capture: Capture,
): Promise<ExternalFiles> {
  const entries = new Map<string, BackupEntry>();
  const paths: string[] = [];
  for (const path of configurationFiles.toSorted()) {
    const entry = await captureIfOutside(path, capture);
    if (entry === undefined) continue;
    paths.push(path);
    for (const directory of directoriesAbove(entry)) entries.set(directory.path, directory);
    entries.set(entry.path, entry);
  }
  return { entries: [...entries.values()], paths };
}

async function captureIfOutside(
  path: string,
  { dataDirectory, open, log }: Capture,
): Promise<BackupEntry | undefined> {
  try {
    const real = await realpath(path);
    const isInside = real.startsWith(`${dataDirectory}${sep}`);
    // A link in the data directory is skipped by the walk, as pg_basebackup skips it.
    if (isInside && !(await lstat(path)).isSymbolicLink()) return undefined;
    const file = open(real);
    if (file === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    file.close();
    const { size, mode, mtimeMs } = await lstat(real);
    return {
      path: `${externalDirectory}${posix.normalize(path)}`,
      type: 'file',
      sizeBytes: size,
      mode: mode & 0o777,
      mtimeMs: wholeMs(mtimeMs),
      sourcePath: real,
    };
  } catch (error) {
    const problem = describeSystemCode(systemCode(error) ?? String(error));
    log.emit({ kind: 'configuration-file-left-out', path, problem });
    return undefined;
  }
}

function directoriesAbove({ path, mtimeMs }: BackupEntry): BackupEntry[] {
  const directories: BackupEntry[] = [];
  for (let above = dirname(path); above !== '.'; above = dirname(above))
    directories.push({ path: above, type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs, sourcePath: '' });
  return directories;
}
