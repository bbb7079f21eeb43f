/** Thawing of blobs in Azure's Archive tier. */
import { StoreError, isStoreError, type ThawOptions, type ThawOutcome } from '../store.ts';
import type { AzureConnection } from './connection.ts';
import { azureCode } from './error.ts';
import { tierOf } from './tier.ts';

/** Moves the blob itself to Hot, where it stays. Throws as `Store.thaw`. */
export async function thawObject(
  { client, fullKey, send }: AzureConnection,
  key: string,
  { speed, signal }: ThawOptions,
): Promise<ThawOutcome> {
  const action = `thaw ${key}`;
  const blob = client.getBlobClient(fullKey(key));
  try {
    const { cold } = tierOf(
      await send({ action, signal }, () => blob.getProperties({ abortSignal: signal })),
    );
    if (cold !== 'frozen') return cold === 'thawing' ? 'under-way' : 'readable';
    await send({ action, signal }, () =>
      blob.setAccessTier('Hot', {
        abortSignal: signal,
        rehydratePriority: speed === 'expedited' ? 'High' : 'Standard',
      }),
    );
    return 'requested';
  } catch (error) {
    if (azureCode(error) === 'BlobBeingRehydrated') return 'under-way';
    if (isStoreError(error, 'absent')) throw new StoreError('absent', `${action}: no such object`);
    throw error;
  }
}
