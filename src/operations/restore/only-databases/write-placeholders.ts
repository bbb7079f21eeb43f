/**
 * The files of databases that are not restored: placeholders without content.
 *
 * Each has the size that it had, as a hole that takes no space. Replay writes whole pages of these databases, and would fill an empty
 * file with zeros up to the first of them: a row that changed at the end of a large table would cost all of its size.
 * `pg_filenode.map` is empty: with it, and without the catalogues that it leads to, any session with the database would be
 * a PANIC of the whole server; without it only the session fails (read_relmap_file in relmapper.c).
 */
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { localIoError } from '../../../base/errors/errors.ts';
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import type { VerifiedManifest } from '../../../repository/backup/manifest-spool.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import { permissionsOf, type AccessMode } from '../access-mode.ts';
import { placeOf, type Places } from '../places.ts';

/**
 * An empty file in each directory of a placeholder. CREATE DATABASE and ALTER DATABASE … SET TABLESPACE copy directories
 * with all that is in them (copydir.c), so what WAL makes of a placeholder has it, too.
 */
export const placeholderMark = 'walvault_placeholder';
export const relationMapName = 'pg_filenode.map';

export interface PlaceholderPlaces {
  readonly places: Places;
  /** Undefined: files get the permissions that they had. */
  readonly accessMode: AccessMode | undefined;
  readonly signal: AbortSignal;
}

/**
 * Makes a placeholder of each file that the manifests of a lineage left out. None is made durable: what a crash takes from them is
 * their size alone.
 * @throws WalvaultError `local-io`
 */
export async function writePlaceholders(
  manifests: readonly VerifiedManifest[],
  { places, accessMode, signal }: PlaceholderPlaces,
): Promise<void> {
  const marked = new Set<string>();
  for (const manifest of manifests)
    for await (const entry of manifest.leftOut()) {
      signal.throwIfAborted();
      // The backup that has the whole file says how large it was.
      if (wholePath(entry.path) !== undefined) continue;
      const place = placeOf(entry.path, places);
      // The origin may itself be a copy with placeholders.
      if (place === undefined || basename(place) === placeholderMark) continue;
      const directory = dirname(place);
      if (!marked.has(directory)) {
        const mark = { ...entry, sizeBytes: 0 };
        await writePlaceholder(join(directory, placeholderMark), mark, accessMode);
        marked.add(directory);
      }
      await writePlaceholder(place, entry, accessMode);
    }
}

async function writePlaceholder(
  path: string,
  entry: ManifestEntry,
  accessMode: AccessMode | undefined,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const mode = permissionsOf(entry, accessMode);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using handle = await open(path, flags, mode);
    if ((mode & 0o077) !== 0) await handle.chmod(mode);
    if (basename(path) !== relationMapName && entry.sizeBytes > 0) await handle.truncate(entry.sizeBytes);
  } catch (error) {
    throw localIoError('write', path, error);
  }
}
