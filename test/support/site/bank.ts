/**
 * A load whose every committed transaction adds a row to a history, and moments at which that history is known exactly:
 * a restore to such a moment must show it, row by row. The load is pgbench if it is installed, else `runLoad`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runLoad } from './load.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { run, runOk } from './run.ts';

export interface Bank {
  readonly history: string;
  readonly tables: readonly string[];
}

export interface RunningLoad {
  /** Ends it and waits for its last commit. */
  stop(): Promise<void>;
}

/** An instant in the life of the bank. */
export interface Moment {
  readonly time: string;
  readonly xid: string;
  readonly restorePoint: string;
  readonly lsn: string;
  /** Right after transaction `xid`: row count and sum of row hashes of each table. */
  readonly contentsAtXid: string;
  /** The same at `time`, `lsn` and `restorePoint`. */
  readonly contents: string;
}

export async function createBank(server: PostgresServer): Promise<Bank> {
  await server.query('create table moment(name text)');
  if (!hasPgbench(server)) {
    await runLoad(server, { clients: 1, transactions: 1 });
    return { history: 'ledger', tables: ['accounts', 'ledger', 'moment'] };
  }
  await runOk(pgbench(server), ['-i', '-q', '-s', '1'], { env: server.env });
  const tables = ['accounts', 'branches', 'history', 'tellers'].map(name => `pgbench_${name}`);
  return { history: 'pgbench_history', tables: [...tables, 'moment'] };
}

/** Two clients, `perSecond` transactions in all, until it is stopped. */
export function startLoad(server: PostgresServer, perSecond: number): RunningLoad {
  if (!hasPgbench(server)) {
    const ending = new AbortController();
    const done = runLoad(server, { transactions: 1_000_000, signal: ending.signal });
    return {
      async stop() {
        ending.abort();
        await done;
      },
    };
  }
  let interrupt = (): void => undefined;
  const args = ['-n', '-c', '2', '-T', '600', '-R', String(perSecond)];
  const done = run(pgbench(server), args, {
    env: server.env,
    timeoutMs: 600_000,
    onStart: child => {
      interrupt = () => child.kill('SIGINT');
    },
  });
  return {
    async stop() {
      interrupt();
      await done;
    },
  };
}

/**
 * An exclusive lock on the history lets no transaction be between its row and its commit: while it is held, the
 * committed rows are exactly those before the moment, and every later commit is after it.
 */
export async function takeMoment(server: PostgresServer, bank: Bank, name: string): Promise<Moment> {
  const client = await server.connect();
  const value = async (sql: string) => {
    const { rows } = await client.query<{ value: string }>(`select (${sql})::text as value`);
    return rows[0]?.value ?? '';
  };
  try {
    await client.query('begin');
    await client.query(`lock table ${bank.history} in exclusive mode`);
    await client.query('insert into moment values ($1)', [name]);
    const contentsAtXid = await value(contentsOf(bank));
    const xid = await value('pg_current_xact_id()');
    await client.query('commit');
    await client.query('begin');
    await client.query(`lock table ${bank.history} in exclusive mode`);
    const contents = await value(contentsOf(bank));
    const time = await value('clock_timestamp()');
    const lsn = await value('pg_current_wal_insert_lsn()');
    await client.query('select pg_create_restore_point($1)', [name]);
    await client.query('commit');
    return { time, xid, lsn, restorePoint: name, contentsAtXid, contents };
  } finally {
    await client.end();
  }
}

export async function readContents(server: PostgresServer, bank: Bank): Promise<string> {
  const [row] = await server.query<{ value: string }>(`select (${contentsOf(bank)})::text as value`);
  return row?.value ?? '';
}

function contentsOf({ tables }: Bank): string {
  const one = (table: string) =>
    `(select '${table} ' || count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) from ${table} t)`;
  return tables.map(one).join(` || ', ' || `);
}

function hasPgbench(server: PostgresServer): boolean {
  return existsSync(pgbench(server));
}

function pgbench(server: PostgresServer): string {
  return join(server.binDir, 'pgbench');
}
