/** Deletion from Azure, with one request for each blob; a lock is told apart from a missing permission. */
import { deleteEach } from '../driver-kit/delete-each.ts';
import { withLock } from '../driver-kit/lock.ts';
import { StoreError, type DeleteFailure } from '../store.ts';
import type { AzureConnection } from './connection.ts';
import { azureCode } from './error.ts';

/** @throws StoreError `no-container`, `unreachable` */
export async function deleteObjects(
  { client, fullKey, send }: AzureConnection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  return await deleteEach(keys, signal, async key => {
    const blob = client.getBlobClient(fullKey(key));
    try {
      await send({ action: `delete ${key}`, signal }, () =>
        blob.delete({ abortSignal: signal, deleteSnapshots: 'include' }),
      );
    } catch (error) {
      const isLocked = error instanceof StoreError && azureCode(error) === 'BlobImmutableDueToPolicy';
      if (!isLocked) throw error;
      throw await withLock(key, error, async () => {
        const { immutabilityPolicyExpiresOn, immutabilityPolicyMode } = await send(
          { action: `head ${key}`, signal },
          () => blob.getProperties({ abortSignal: signal }),
        );
        return { until: immutabilityPolicyExpiresOn, mode: immutabilityPolicyMode };
      });
    }
  });
}
