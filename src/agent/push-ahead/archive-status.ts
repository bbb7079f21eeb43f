/** `pg_wal/archive_status`, where PostgreSQL marks what is to be archived (xlogarchive.c). */
import { realpathSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';

const suffix = '.ready';

export class ArchiveStatus {
  readonly walDirectory: string;
  readonly #directory: string;

  /** @param walDirectory without symbolic links */
  constructor(walDirectory: string) {
    this.walDirectory = walDirectory;
    this.#directory = join(walDirectory, 'archive_status');
  }

  /** One path for each file: PostgreSQL names it below the data directory, where `pg_wal` may be a symbolic link. */
  locate(path: string): string {
    const directory = dirname(path);
    if (directory === this.walDirectory) return path;
    try {
      if (realpathSync.native(directory) !== this.walDirectory) return path;
    } catch (error) {
      // The push itself will say that there is no such directory.
      if (systemCode(error) === undefined) throw error;
      return path;
    }
    return join(this.walDirectory, basename(path));
  }

  /**
   * @param path as `locate` gives it
   * @returns undefined for a file that lies elsewhere, whatever it is called
   */
  nameOf(path: string): string | undefined {
    return dirname(path) === this.walDirectory ? basename(path) : undefined;
  }

  /** In any order; empty where there is no such directory. Others PostgreSQL does not ask for (pgarch_readyXlog in pgarch.c). */
  async readyNames(): Promise<string[]> {
    try {
      const names = await readdir(this.#directory);
      return names
        .filter(name => name.endsWith(suffix))
        .map(name => name.slice(0, -suffix.length))
        .filter(name => parseWalFileName(name) !== undefined);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /**
   * Marks files as archived, durably. The archiver tolerates it: it looks at each entry again before it uses it
   * (pgarch_readyXlog in pgarch.c). The caller sees to it that none of these is being asked for.
   * @returns those that were still ready
   */
  async markDone(names: readonly string[]): Promise<string[]> {
    const marked: string[] = [];
    for (const name of names) {
      const path = join(this.#directory, name);
      try {
        await rename(`${path}.ready`, `${path}.done`);
        marked.push(name);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
    }
    // After a crash a file that is ready again while its segment was recycled would be archived in its place.
    if (marked.length > 0) await fsyncDirectory(this.#directory);
    return marked;
  }
}
