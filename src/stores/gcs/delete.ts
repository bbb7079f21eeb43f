/** Deletion from Google Cloud Storage, with one request for each object. */
import { deleteEach } from '../driver-kit/delete-each.ts';
import type { DeleteFailure } from '../store.ts';
import { objectPath, discardBody, type GcsConnection } from './connection.ts';

/** @throws StoreError `no-container` */
export async function deleteObjects(
  connection: GcsConnection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  return await deleteEach(keys, signal, key =>
    connection.send(
      { action: `delete ${key}`, signal },
      { method: 'DELETE', path: objectPath(connection, key) },
      discardBody,
    ),
  );
}
