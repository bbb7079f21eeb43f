/** Tiers of Azure: blobs in Archive need a thaw ("Overview of blob rehydration from the archive tier"), others do not. */
import type { StorageTier } from '../store.ts';

export interface AzureTier {
  readonly accessTier?: string | undefined;
  /** `rehydrate-pending-to-hot` and similar. */
  readonly archiveStatus?: string | undefined;
}

export function tierOf({ accessTier, archiveStatus }: AzureTier): StorageTier {
  if (accessTier === undefined) return {};
  if (accessTier !== 'Archive') return { tier: accessTier };
  return { tier: accessTier, cold: archiveStatus === undefined ? 'frozen' : 'thawing' };
}
