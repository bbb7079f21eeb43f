/** A copy that `restore --start` has started: no process of the test holds its server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { findPostgresBinaries } from '../servers/postgres-binaries.ts';
import { freePort } from '../servers/ports.ts';
import { newDirectory } from './cycle.ts';
import { onExit } from './on-exit.ts';
import { until, type Site } from './site.ts';

export interface StartedCopy extends AsyncDisposable {
  readonly directory: string;
  /** As `restore --json` prints it. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** The server in it. */
  readonly server: Readonly<Record<string, unknown>>;
  readonly stderr: string;
  /** The caller ends it. */
  connect(database?: string): Promise<Client>;
  query(sql: string): Promise<unknown[]>;
}

/** The origin's configuration must name a directory for sockets: the copy takes it over. */
export async function startedCopy(
  site: Site,
  args: readonly string[],
  binDir = findPostgresBinaries(),
): Promise<StartedCopy> {
  const directory = newDirectory();
  const port = await freePort();
  const program = ['--start', '--pg-bin', binDir, '--port', String(port)];
  const stop = onExit(() => {
    const pid = pidIn(directory);
    if (pid !== undefined) process.kill(pid, 'SIGQUIT');
  });
  const done = await site.walvault(['restore', directory, '--json', ...program, ...args], {
    // For the question to the server; PGPORT leads astray both of them.
    env: { PGUSER: 'postgres', PGPORT: '1' },
    timeoutMs: 180_000,
  });
  assert.equal(done.exitCode, 0, done.stderr);
  const summary = JSON.parse(done.stdout) as { server: Record<string, unknown> };
  const { server } = summary;
  assert.equal(server['port'], port);
  const connect = async (database = 'postgres') => {
    const host = String(server['socketDirectory']);
    const client = new Client({ host, port, user: 'postgres', database });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  return {
    directory,
    summary,
    server,
    stderr: done.stderr,
    connect,
    async query(sql) {
      const client = await connect();
      try {
        return (await client.query(sql)).rows as unknown[];
      } finally {
        await client.end();
      }
    },
    async [Symbol.asyncDispose]() {
      stop();
      await until('the copy has stopped', () => pidIn(directory) === undefined);
    },
  };
}

function pidIn(directory: string): number | undefined {
  try {
    return Number(readFileSync(join(directory, 'postmaster.pid'), 'latin1').split('\n')[0]);
  } catch {
    return undefined;
  }
}
