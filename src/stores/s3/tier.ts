/**
 * Archive tiers of S3 ("Restoring an archived object"): what is in them is listed, described and deleted like the rest,
 * and read only after a restore, which makes a copy for some days.
 */
import type { StorageTier } from '../store.ts';

/** GLACIER_IR is not among them: it is instant, in spite of its name. */
const archiveClasses: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);
/** Moves objects that nobody reads into archive tiers of its own, where the bucket is set up so. */
const intelligentTiering = 'INTELLIGENT_TIERING';

export interface S3Tier {
  readonly StorageClass?: string | undefined;
  /** Of INTELLIGENT_TIERING: `ARCHIVE_ACCESS` or `DEEP_ARCHIVE_ACCESS`. */
  readonly ArchiveStatus?: string | undefined;
  /** `ongoing-request="false", expiry-date="…"` */
  readonly Restore?: string | undefined;
}

/** Of an answer to HEAD. STANDARD is not mentioned there. */
export function tierOf({ StorageClass, ArchiveStatus, Restore = '' }: S3Tier): StorageTier {
  if (StorageClass === undefined) return {};
  const tier = ArchiveStatus === undefined ? StorageClass : `${StorageClass}/${ArchiveStatus}`;
  if (ArchiveStatus === undefined && !archiveClasses.has(StorageClass)) return { tier };
  if (Restore.includes('ongoing-request="true"')) return { tier, cold: 'thawing' };
  return Restore.includes('ongoing-request="false"') ? { tier } : { tier, cold: 'frozen' };
}

/** A listing tells the class, and neither whether it was thawed nor where INTELLIGENT_TIERING has put it. */
export function listedTier(storageClass: string | undefined): StorageTier {
  if (storageClass === undefined || storageClass === 'STANDARD') return {};
  const isCold = archiveClasses.has(storageClass) || storageClass === intelligentTiering;
  return { tier: storageClass, ...(isCold && { cold: 'perhaps' }) };
}

export function isIntelligentTiering(tier: string): boolean {
  return tier.startsWith(intelligentTiering);
}
