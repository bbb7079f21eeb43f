/** The last failure of the server's archiver, as a reason why WAL does not arrive. */
import { readArchiver } from '../../../postgres/server/archiver.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';

/** A sentence about the last failure. Undefined when the last success is newer, or the server does not answer. */
export async function describeArchiver(connection: PgConnection): Promise<string | undefined> {
  try {
    const { failedCount, lastFailure } = await readArchiver(connection);
    if (lastFailure?.isNewest !== true) return undefined;
    return `PostgreSQL's archiver has failed ${failedCount} times, last with ${lastFailure.wal} at ${lastFailure.time}.`;
  } catch {
    // The server may be down. The backup has failed already, and this sentence would only say more about it.
    return undefined;
  }
}
