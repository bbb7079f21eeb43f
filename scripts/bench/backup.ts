/**
 * `npm run bench -- backup`: a full backup of one cluster, and its restore, by walvault and by pgBackRest in turn, each with
 * two jobs, to a directory and to S3, encrypted. PostgreSQL archives to both, so that each finds its WAL.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatSize } from '../../src/base/units.ts';
import { startPostgres, type PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { runOk } from '../../test/support/site/run.ts';
import { createSite, setting, type Site } from '../../test/support/site/site.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';
import { giveToUnprivileged } from '../../test/support/site/unprivileged.ts';
import { contestFigures } from './contest.ts';
import type { Figure } from './figure.ts';
import { pgbenchOf } from './pgbench.ts';
import { pgBackRestVersion, setUpPgBackRest } from './pgbackrest.ts';
import type { S3Address } from './s3-main.ts';
import { startS3Site } from './s3-site.ts';

/** About 1.5 GB of pgbench's tables, which compress well, and 0.6 GB of digests, which do not. */
const scale = 100;
const hardRows = 8_000_000;

export async function benchBackup(rounds: number): Promise<Figure[]> {
  if ((await pgBackRestVersion()) === undefined) {
    console.log('pgbackrest is not installed: the rows that compare with it are left out');
    return [];
  }
  const directory = await createSite();
  await using s3 = await startS3Site('lean');
  const figures: Figure[] = [];
  const server = await startPostgres({
    conf: { max_wal_size: '8GB', shared_buffers: '128MB', archive_mode: 'on', archive_command: "'true'" },
    ownSystemIdentifier: true,
    // A backup leaves a segment or two to archive.
    env: { WALVAULT_AGENT_MODE: 'off' },
  });
  try {
    await fillCluster(server);
    figures.push(
      ...(await contest({ name: 'a directory', site: directory, address: undefined, server }, rounds)),
      ...(await contest({ name: 'S3 over TLS', ...s3, server }, rounds)),
    );
  } finally {
    await server.stop();
  }
  return figures;
}

async function fillCluster(server: PostgresServer): Promise<void> {
  await pgbenchOf(server)('--initialize', '--quiet', `--scale=${scale}`);
  await server.query(
    `create table hard as select md5(random()::text) || md5(random()::text) as filler from generate_series(1, ${hardRows})`,
  );
  await server.query('checkpoint');
}

interface Contest {
  /** Of the store. */
  readonly name: string;
  readonly site: Site;
  readonly address: S3Address | undefined;
  readonly server: PostgresServer;
}

async function contest({ name, site, address, server }: Contest, rounds: number): Promise<Figure[]> {
  const peer = setUpPgBackRest(address);
  peer.forget();
  await peer.createStanza(server);
  setting(server, 'archive_command', `'${site.command('push %p')} && ${peer.pushCommand} %p'`);
  await server.query('select pg_reload_conf()');
  const { stdout } = await runOk('du', ['-sb', join(server.dataDirectory, 'base')], { as: 'self' });
  const size = formatSize(Number.parseInt(stdout, 10));
  const shared = { cwd: server.dataDirectory, env: { ...site.readerEnv, ...server.env }, rounds };
  const measure = async (args: readonly string[]) => {
    const options = { env: server.env, cwd: server.dataDirectory, timeoutMs: 600_000 };
    return (await site.walvault(args, options)).maxResidentBytes;
  };
  const backup = ['backup', '--fast', '--jobs', '2', '--quiet'];
  const backups = await contestFigures({
    ...shared,
    what: `full backup of ${size} to ${name}, 2 jobs`,
    own: site.command(backup.join(' ')),
    theirs: `${peer.backupCommand} > /dev/null`,
    prepare: () => forgetBackups(site),
    residentBytes: () => measure(backup),
    limit: 1,
  });
  const target = join(temporaryDirectory('bench-restore'), 'data');
  const restore = ['restore', target, '--jobs', '2', '--quiet'];
  const restores = await contestFigures({
    ...shared,
    what: `restore of ${size} from ${name}, 2 jobs`,
    own: site.command(restore.join(' ')),
    theirs: peer.restoreCommand(target),
    prepare() {
      rmSync(target, { recursive: true, force: true });
      mkdirSync(target, { mode: 0o700 });
      giveToUnprivileged(target);
    },
    residentBytes: () => measure(restore),
    limit: 0.95,
  });
  rmSync(target, { recursive: true, force: true });
  return [...backups, ...restores];
}

/** Backups would fill the disk; the WAL stays. */
function forgetBackups({ repositoryPath }: Site): void {
  for (const directory of spawnSync('find', [repositoryPath, '-name', 'backups', '-type', 'd'], {
    encoding: 'utf8',
  })
    .stdout.split('\n')
    .filter(path => path !== ''))
    rmSync(directory, { recursive: true, force: true });
}
