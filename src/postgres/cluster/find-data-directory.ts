/**
 * Finds the data directory for a command that PostgreSQL calls with a path. For archive_command and restore_command,
 * that is the working directory (pgarch.c, xlogarchive.c). pg_rewind calls restore_command from elsewhere with an
 * absolute `%p`, and the data directory is the path's second parent.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';

export interface DataDirectoryClues {
  readonly workingDirectory: string;
  /** `%p`: a path in `pg_wal`. */
  readonly walPath: string;
  readonly configured: string | undefined;
}

/** Undefined when none of these places has a `global/pg_control`. */
export function findDataDirectory(clues: DataDirectoryClues): string | undefined {
  const fromPath = dirname(dirname(resolve(clues.workingDirectory, clues.walPath)));
  return [clues.workingDirectory, fromPath, clues.configured].find(
    directory => directory !== undefined && existsSync(`${directory}/global/pg_control`),
  );
}

/** @throws WalvaultError `invalid-file` */
export function requireDataDirectory(clues: DataDirectoryClues): string {
  const found = findDataDirectory(clues);
  if (found !== undefined) return found;
  throw new WalvaultError(
    'invalid-file',
    `${clues.walPath}: no global/pg_control in the working directory or two levels above the file`,
    {
      hint: 'Run this from the data directory, as PostgreSQL does, or set data-directory in the configuration.',
    },
  );
}
