/**
 * Archive tiers of S3 ("Restoring an archived object"). Their objects are listed, described and deleted like all others,
 * but can be read only after a thaw, which makes a copy for some days.
 */
import type { StorageTier } from '../store.ts';

/** The classes that need a thaw. GLACIER_IR is instant, in spite of its name. */
const archiveClasses: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);
/** A class that moves unread objects into its own archive tiers, if the bucket is configured so. */
const intelligentTiering = 'INTELLIGENT_TIERING';

export interface S3Tier {
  readonly StorageClass?: string | undefined;
  /** The tier inside INTELLIGENT_TIERING: `ARCHIVE_ACCESS` or `DEEP_ARCHIVE_ACCESS`. */
  readonly ArchiveStatus?: string | undefined;
  /** `ongoing-request="false", expiry-date="…"` */
  readonly Restore?: string | undefined;
}

/** The tier in an answer to HEAD, which does not mention STANDARD. */
export function tierOf({ StorageClass, ArchiveStatus, Restore = '' }: S3Tier): StorageTier {
  if (StorageClass === undefined) return {};
  const tier = ArchiveStatus === undefined ? StorageClass : `${StorageClass}/${ArchiveStatus}`;
  if (ArchiveStatus === undefined && !archiveClasses.has(StorageClass)) return { tier };
  if (Restore.includes('ongoing-request="true"')) return { tier, cold: 'thawing' };
  return Restore.includes('ongoing-request="false"') ? { tier } : { tier, cold: 'frozen' };
}

/** The tier in a listing: it tells the class, but not a thaw, nor the tier inside INTELLIGENT_TIERING. */
export function listedTier(storageClass: string | undefined): StorageTier {
  if (storageClass === undefined || storageClass === 'STANDARD') return {};
  const isCold = archiveClasses.has(storageClass) || storageClass === intelligentTiering;
  return { tier: storageClass, ...(isCold && { cold: 'perhaps' }) };
}

export function isIntelligentTiering(tier: string): boolean {
  return tier.startsWith(intelligentTiering);
}
