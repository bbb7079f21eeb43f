/** Restore points: named records in the WAL at which a recovery can stop. */
import { parseLsn, type Lsn } from '../wal/lsn.ts';
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

export interface MadeRestorePoint {
  /** The end of its record. */
  readonly lsn: Lsn;
  /** By the server's clock. */
  readonly madeAt: Date;
}

/** Primary only. @throws WalvaultError `postgres`, also where wal_level is minimal */
export async function createRestorePoint(
  connection: Pick<PgConnection, 'query'>,
  name: string,
): Promise<MadeRestorePoint> {
  const { lsn, ms } = await queryOne<{ lsn: string; ms: string }>(
    connection,
    `select pg_create_restore_point($1)::text as lsn,
            (extract(epoch from clock_timestamp())::numeric * 1000)::bigint as ms`,
    [name],
  );
  return { lsn: parseLsn(lsn), madeAt: new Date(Number(ms)) };
}
