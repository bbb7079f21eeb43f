/** The Archive tier ("Overview of blob rehydration from the archive tier"). Hot, Cool and Cold are read at once. */
import type { StorageTier } from '../store.ts';

export interface AzureTier {
  readonly accessTier?: string | undefined;
  /** `rehydrate-pending-to-hot` and its like. */
  readonly archiveStatus?: string | undefined;
}

export function tierOf({ accessTier, archiveStatus }: AzureTier): StorageTier {
  if (accessTier === undefined) return {};
  if (accessTier !== 'Archive') return { tier: accessTier };
  return { tier: accessTier, cold: archiveStatus === undefined ? 'frozen' : 'thawing' };
}
