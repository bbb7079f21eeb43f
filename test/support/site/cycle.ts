/** The steps of a DBA for end-to-end tests: back up, restore, start the restored server and examine it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '../servers/postgres-server.ts';
import { runOk, type Environment, type RunOptions } from './run.ts';
import type { Site } from './site.ts';
import { temporaryDirectory } from './temp.ts';

export interface TakenBackup {
  readonly id: string;
  readonly startLsn: string;
  readonly stopLsn: string;
  readonly stopTime: string;
  readonly backupFrom: string;
  /** With --keep-for. */
  readonly keepUntil?: string;
}

/** `walvault backup --fast`, connecting as psql would. */
export async function backUp(
  site: Site,
  server: PostgresServer,
  args: readonly string[] = [],
): Promise<TakenBackup> {
  const done = await site.walvault(['backup', '--fast', '--json', ...args], {
    env: server.env,
    timeoutMs: 180_000,
  });
  assert.equal(done.exitCode, 0, done.stderr);
  return (JSON.parse(done.stdout) as { record: TakenBackup }).record;
}

export function newDirectory(): string {
  return join(temporaryDirectory('restored'), 'data');
}

/** `walvault restore` into a new directory, which it returns. */
export async function restoreInto(
  site: Site,
  args: readonly string[],
  options: RunOptions & { readonly directory?: string } = {},
): Promise<string> {
  const { directory = newDirectory(), ...run } = options;
  const done = await site.walvault(['restore', directory, ...args], { timeoutMs: 180_000, ...run });
  assert.equal(done.exitCode, 0, done.stderr);
  return directory;
}

/** A server on a restored directory, with what its restore_command needs; recovery is not waited for. */
export async function startCopy(
  site: Site,
  directory: string,
  conf: Readonly<Record<string, string>> = {},
  env: Environment = {},
): Promise<PostgresServer> {
  const server = await startPostgres({
    dataDirectory: directory,
    start: false,
    env: { ...site.readerEnv, ...env },
    conf,
  });
  await server.start({ until: 'spawned' });
  return server;
}

/** Paths of the archived segments below the repository, in the order of their names. */
export function archivedSegments(site: Site): string[] {
  return readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' })
    .filter(path => /\/wal\/.*\/[0-9A-F]{24}$/.test(path))
    .toSorted();
}

/** True if PostgreSQL came with this program; npm's has the server only. */
export function hasTool(server: PostgresServer, name: string): boolean {
  return existsSync(join(server.binDir, name));
}

/**
 * PostgreSQL's own proof that the restored files are those of the backup, and what it prints. WAL is not in the directory
 * yet. A test is left out where the program is missing.
 */
export async function verifyWithPostgres(
  { binDir }: Pick<PostgresServer, 'binDir'>,
  directory: string,
  args: readonly string[] = [],
): Promise<string> {
  const options = ['--no-parse-wal', ...args, directory];
  const { stdout } = await runOk(join(binDir, 'pg_verifybackup'), options, { timeoutMs: 300_000 });
  return stdout;
}

/**
 * Every table and index by pg_amcheck on the running server, then every page by pg_checksums; it is stopped after. A test
 * is left out where these programs are missing.
 */
export async function assertSound(server: PostgresServer): Promise<void> {
  const args = ['--all', '--install-missing', '--heapallindexed', '--parent-check'];
  await runOk(join(server.binDir, 'pg_amcheck'), args, { env: server.env, timeoutMs: 120_000 });
  await server.stop();
  await runOk(join(server.binDir, 'pg_checksums'), ['--check', '-D', server.dataDirectory]);
}
