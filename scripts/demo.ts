/**
 * `npm run demo`: shows how a lost table comes back. A real PostgreSQL archives through the built executable; after the
 * accident the database is restored to the moment before it. All files are in scratch directories, removed at the end.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { formatSize } from '../src/base/units.ts';
import { startPostgres, type PostgresServer } from '../test/support/servers/postgres-server.ts';
import { until } from '../test/support/site/site.ts';
import { temporaryDirectory } from '../test/support/site/temp.ts';
import { archiveAll, contentsOf, promoted, timeNow, write, type Contents } from './demo/database.ts';
import { createInstallation, type Installation } from './demo/installation.ts';
import { createNarrator } from './demo/narrator.ts';
import { treeSize } from './demo/sizes.ts';

const narrator = createNarrator(line => console.log(line));

await narrator.step('Build the executable', build);
const installation = createInstallation(narrator);
await narrator.step('Make keys, configuration and repository', () => initialize(installation));
const server = await narrator.step('Start PostgreSQL, archiving through walvault push', () =>
  start(installation),
);
await narrator.step('Fill a database', () => write(server, 1500));
await narrator.step('Take a base backup while it is written to', async () => {
  await Promise.all([installation.walvault(['backup', '--fast'], server.env), write(server, 500)]);
});
const before = await narrator.step('Keep writing', async () => {
  await write(server, 1000);
  return contentsOf(server);
});
const target = await narrator.step('The accident', () => dropTable(server, before));
const restored = await narrator.step('Restore to the instant before', () => restore(installation, target));
await narrator.step('Start the restored server', () => compare(restored, before));
reportSizes();
narrator.summary();

async function build(): Promise<void> {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: resolve(import.meta.dirname, '..'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
  narrator.say(stdout.trim().split('\n').at(-1) ?? '');
}

async function initialize({ walvault, repositoryPath, keyDirectory }: Installation): Promise<void> {
  const url = `file://${repositoryPath}`;
  const where = ['--cluster', 'demo', '--repository', url, '--create-directory'];
  await walvault(['init', '--config', installation.configPath, ...where, '--generate-keys', keyDirectory]);
}

async function start({ archiveCommand, agents }: Installation): Promise<PostgresServer> {
  const started = await startPostgres({
    env: agents.env,
    conf: { archive_mode: 'on', archive_command: `'${archiveCommand}'`, max_wal_size: '256MB' },
  });
  const [row] = await started.query<{ version: string }>('select version()');
  narrator.say(row?.version ?? '');
  return started;
}

async function dropTable(origin: PostgresServer, contents: Contents): Promise<string> {
  narrator.say(`ledger has ${contents.entries} rows, amounts sum up to ${contents.total}`);
  const time = await timeNow(origin);
  narrator.say(`it is ${time}`);
  narrator.command('psql -c "drop table ledger"');
  await origin.query('drop table ledger');
  await origin.query('create table regret(at timestamptz default clock_timestamp())');
  await origin.query('insert into regret default values');
  await archiveAll(origin);
  await origin.stop();
  return time;
}

async function restore({ walvault, readerEnv, agents }: Installation, time: string): Promise<PostgresServer> {
  const dataDirectory = join(temporaryDirectory('restored'), 'data');
  const env = readerEnv();
  await walvault(['restore', dataDirectory, '--target-time', time, '--target-action', 'promote'], env);
  return startPostgres({ dataDirectory, env: { ...agents.env, ...env }, start: false });
}

async function compare(copy: PostgresServer, expected: Contents): Promise<void> {
  await copy.start();
  await promoted(copy);
  const found = await contentsOf(copy);
  narrator.command('psql -c "select count(*), sum(amount) from ledger"');
  narrator.output(`${found.entries} rows, amounts sum up to ${found.total}`);
  if (found.entries !== expected.entries || found.total !== expected.total)
    throw new Error(`expected ${expected.entries} rows and ${expected.total}`);
  narrator.say('Every row is back.');
  await copy.stop();
  await until('the agents have left with their servers', () => installation.agents.pids().length === 0);
}

function reportSizes(): void {
  const { repositoryPath } = installation;
  const database = treeSize(server.dataDirectory, /^(base|global|pg_xact)\//);
  const wal = treeSize(repositoryPath, /\/wal\/[^.]*$/);
  const backup = treeSize(repositoryPath, /\/backups\/.*(?<!\.meta)$/);
  console.log('\nSizes');
  console.log(`   database files    ${formatSize(database.sizeBytes)}`);
  console.log(
    `   base backup       ${formatSize(backup.sizeBytes)} in ${backup.files} objects, compressed and encrypted`,
  );
  console.log(
    `   archived WAL      ${wal.files} segments of 16 MiB in ${formatSize(wal.sizeBytes)}, compressed and encrypted`,
  );
}
