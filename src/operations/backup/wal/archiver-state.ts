/** What the server says of its archiver: the reason why WAL does not arrive. */
import { readArchiver } from '../../../postgres/server/archiver.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';

/** A sentence about the last failure, or undefined when there is none newer than the last success, or no answer. */
export async function describeArchiver(connection: PgConnection): Promise<string | undefined> {
  try {
    const { failedCount, lastFailure } = await readArchiver(connection);
    if (lastFailure?.isNewest !== true) return undefined;
    return `PostgreSQL's archiver has failed ${failedCount} times, last with ${lastFailure.wal} at ${lastFailure.time}.`;
  } catch {
    // The session may have ended with the server; the backup has failed anyway, this was only to say more about it.
    return undefined;
  }
}
