/** Deleting in Azure, one request a blob; a lock is told apart from a missing permission. */
import { deleteEach } from '../driver-kit/delete-each.ts';
import { StoreError, type CallOptions, type DeleteFailure } from '../store.ts';
import type { AzureConnection } from './connection.ts';
import { azureCode } from './error.ts';

/** @throws StoreError `no-container`, `unreachable` */
export async function deleteObjects(
  connection: AzureConnection,
  keys: readonly string[],
  { signal }: CallOptions,
): Promise<DeleteFailure[]> {
  const { client, fullKey, send } = connection;
  return await deleteEach(keys, signal, async key => {
    const action = `delete ${key}`;
    try {
      await send({ action, signal }, () =>
        client.getBlobClient(fullKey(key)).delete({ abortSignal: signal, deleteSnapshots: 'include' }),
      );
    } catch (error) {
      throw azureCode(error) === 'BlobImmutableDueToPolicy'
        ? await lockOf(connection, key, { error: error as StoreError, signal })
        : error;
    }
  });
}

/** Only the properties tell until when. */
async function lockOf(
  { client, fullKey, send }: AzureConnection,
  key: string,
  { error, signal }: { readonly error: StoreError; readonly signal: AbortSignal },
): Promise<StoreError> {
  try {
    const { immutabilityPolicyExpiresOn: until, immutabilityPolicyMode: mode = 'unknown' } = await send(
      { action: `head ${key}`, signal },
      () => client.getBlobClient(fullKey(key)).getProperties({ abortSignal: signal }),
    );
    if (until === undefined || until.getTime() < Date.now()) return error;
    const described = `locked until ${until.toISOString()} (${mode.toLowerCase()})`;
    return new StoreError('denied', `delete ${key}: ${described}`, { cause: error, lockedUntil: until });
  } catch (problem) {
    // What could not be asked does not change that the deletion was refused.
    if (problem instanceof StoreError) return error;
    throw problem;
  }
}
