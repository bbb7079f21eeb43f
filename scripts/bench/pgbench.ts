/** The load of PostgreSQL's own pgbench. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { runOk } from '../../test/support/site/run.ts';

/** Runs pgbench on a server. @throws Error if this PostgreSQL has no pgbench */
export function pgbenchOf(server: PostgresServer): (...args: string[]) => Promise<void> {
  const pgbench = join(server.binDir, 'pgbench');
  if (!existsSync(pgbench)) throw new Error(`${server.binDir} has no pgbench`);
  return async (...args) => void (await runOk(pgbench, args, { env: server.env, timeoutMs: 600_000 }));
}
