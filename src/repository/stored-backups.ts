/** The objects of each backup as the listing of `backups/` shows them, with or without a commit record. */
import { formatCount } from '../base/units.ts';
import { withTierOf, type TierCounts } from './cold-objects.ts';
import { isBackupId, type StoredPiece } from './format/backup-record.ts';
import { backupsPrefix, type SystemPath } from './format/layout.ts';
import type { Repository } from './repository.ts';

/**
 * A backup without a commit record may still be under way for this long after its last object. Until then cleanup keeps it
 * with the WAL that it may need, and verify finds no fault with it.
 */
export const backupInProgressMs = 7 * 24 * 3_600_000;

export interface BackupDirectory {
  /** Stored sizes by name below the backup's prefix, as commit records name pieces. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly objectCount: number;
  readonly storedBytes: number;
  /** When the newest object reached the store: a running backup keeps this time fresh. */
  readonly lastModified: Date;
  /** When the oldest object, usually the claim, reached the store. */
  readonly firstModified: Date;
  /** The number of parts and manifests in archive tiers, by tier. */
  readonly cold: TierCounts | undefined;
}

/**
 * The backups by id. Memory holds names and sizes of one system's parts: a few thousand for each terabyte. @throws
 * StoreError
 */
export async function listBackupDirectories(
  { store }: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, BackupDirectory>> {
  const directories = new Map<string, BackupDirectory & { readonly sizes: Map<string, number> }>();
  const prefix = backupsPrefix(system);
  for await (const entry of store.list({ prefix, signal })) {
    if ('prefix' in entry) continue;
    const rest = entry.key.slice(prefix.length);
    const slash = rest.indexOf('/');
    const id = rest.slice(0, slash);
    if (slash === -1 || !isBackupId(id)) continue;
    const { modified, sizeBytes } = entry;
    const before = directories.get(id);
    const sizes = before?.sizes ?? new Map<string, number>();
    sizes.set(rest.slice(slash + 1), sizeBytes);
    directories.set(id, {
      sizes,
      objectCount: (before?.objectCount ?? 0) + 1,
      storedBytes: (before?.storedBytes ?? 0) + sizeBytes,
      lastModified: before !== undefined && before.lastModified > modified ? before.lastModified : modified,
      firstModified:
        before !== undefined && before.firstModified < modified ? before.firstModified : modified,
      cold: withTierOf(before?.cold, entry),
    });
  }
  return directories;
}

/** A part, manifest or name map that is not there, or is there with another size. */
export interface MissingPiece {
  /** Below the backup's prefix, as its commit record names it. */
  readonly name: string;
  /** Undefined: there is no such object. */
  readonly foundBytes: number | undefined;
  readonly recordedBytes: number;
}

export interface MissingPieces {
  readonly count: number;
  /** No more than a hundred: a backup that is gone lacks them all, and who reads needs no more to know it. */
  readonly first: readonly MissingPiece[];
}

const mostNamed = 100;

/**
 * Those of a backup's pieces that the listing does not show as the commit record has them; none for a whole backup. Pure.
 */
export function missingPieces(
  pieces: Iterable<StoredPiece>,
  sizes: ReadonlyMap<string, number>,
): MissingPieces {
  const first: MissingPiece[] = [];
  let count = 0;
  for (const { name, storedSizeBytes } of pieces) {
    const foundBytes = sizes.get(name);
    if (foundBytes === storedSizeBytes) continue;
    if (++count <= mostNamed) first.push({ name, foundBytes, recordedBytes: storedSizeBytes });
  }
  return { count, first };
}

/** The words behind "backup …:"; undefined for a whole backup. */
export function whyNotWhole({ count, first: [first] }: MissingPieces): string | undefined {
  if (first === undefined) return undefined;
  const { name, foundBytes, recordedBytes } = first;
  const what =
    foundBytes === undefined
      ? `${name} is missing`
      : `${name} has ${foundBytes} bytes and was stored with ${recordedBytes}`;
  return count === 1
    ? what
    : `${what}, the first of ${formatCount(count, 'object')} that are missing or have another size`;
}
