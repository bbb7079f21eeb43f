/** A load like pgbench's, because npm's PostgreSQL has no pgbench. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../servers/postgres-server.ts';

export interface LoadOptions {
  readonly clients?: number;
  /** Transactions of each client. */
  readonly transactions: number;
  /** Bytes of incompressible text a row, so that WAL is written quickly. Default 100. */
  readonly rowBytes?: number;
  /** Between two transactions of a client. Default none. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Each transaction updates one account and inserts one row in `ledger(id, account, amount, filler, written)`.
 * @returns how many transactions committed
 */
export async function runLoad(server: PostgresServer, options: LoadOptions): Promise<number> {
  await prepare(server);
  const counts = await Promise.all(
    Array.from({ length: options.clients ?? 2 }, (_, client) => runClient(server, client, options)),
  );
  return counts.reduce((total, count) => total + count, 0);
}

async function prepare(server: PostgresServer): Promise<void> {
  await server.query(`
    create table if not exists accounts(id int primary key, balance bigint not null);
    create table if not exists ledger(
      id bigserial primary key, account int not null, amount int not null, filler text not null,
      written timestamptz not null default clock_timestamp());
    insert into accounts select g, 0 from generate_series(1, 1000) g on conflict do nothing`);
}

async function runClient(server: PostgresServer, client: number, options: LoadOptions): Promise<number> {
  const connection = await server.connect();
  const hashes = Math.ceil((options.rowBytes ?? 100) / 32);
  try {
    for (let done = 0; done < options.transactions; done++) {
      if (options.signal?.aborted) return done;
      const account = 1 + ((done * 7919 + client * 131) % 1000);
      await connection.query('begin');
      await connection.query('update accounts set balance = balance + 1 where id = $1', [account]);
      await connection.query(
        `insert into ledger(account, amount, filler)
         select $1, 1, string_agg(md5(random()::text), '') from generate_series(1, $2::int)`,
        [account, hashes],
      );
      await connection.query('commit');
      if (options.pauseMs !== undefined) await sleep(options.pauseMs);
    }
    return options.transactions;
  } finally {
    await connection.end();
  }
}
