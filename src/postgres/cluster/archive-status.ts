/**
 * The directory `pg_wal/archive_status`, where PostgreSQL keeps an empty file for each finished WAL file. The file is
 * named `.ready` while its WAL file waits to be archived, `.done` afterwards (XLogArchiveNotify and
 * XLogArchiveForceDone in xlogarchive.c).
 */
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';
import { parseWalFileName } from '../wal/file-name.ts';

/**
 * Names of WAL files, in any order. Names of other files are left out: PostgreSQL archives none (pgarch_readyXlog in
 * pgarch.c).
 */
export interface MarkedFiles {
  readonly ready: readonly string[];
  readonly done: readonly string[];
}

export class ArchiveStatus {
  readonly walDirectory: string;
  readonly #directory: string;

  constructor(walDirectory: string) {
    this.walDirectory = walDirectory;
    this.#directory = join(walDirectory, 'archive_status');
  }

  /** Reads the names; none where the directory does not exist. @throws system errors */
  async read(): Promise<MarkedFiles> {
    const names = await this.#names();
    return { ready: marked(names, '.ready'), done: marked(names, '.done') };
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#directory);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return [];
      throw error;
    }
  }

  /**
   * Marks files as archived, durably. The archiver tolerates this: it looks at each entry again before it uses it
   * (pgarch_readyXlog in pgarch.c). The file that the archiver asks for at that moment must not be among them.
   * @returns the names that were still ready
   * @throws system errors
   */
  async markDone(names: readonly string[]): Promise<string[]> {
    const changed: string[] = [];
    for (const name of names) {
      const path = join(this.#directory, name);
      try {
        await rename(`${path}.ready`, `${path}.done`);
        changed.push(name);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
    }
    // Otherwise a crash could make a file ready again whose segment was recycled, and the new content would be archived
    // under the old name.
    if (changed.length > 0) await fsyncDirectory(this.#directory);
    return changed;
  }
}

function marked(names: readonly string[], suffix: string): string[] {
  return names
    .filter(name => name.endsWith(suffix))
    .map(name => name.slice(0, -suffix.length))
    .filter(name => parseWalFileName(name) !== undefined);
}
