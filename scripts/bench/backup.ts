/**
 * `npm run bench -- backup`: a full backup of one cluster by walvault and by pgBackRest in turn, each with two jobs, to a
 * directory and to S3, encrypted. PostgreSQL archives to both, so that each finds its WAL.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatSize } from '../../src/base/units.ts';
import { startPostgres, type PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { runOk } from '../../test/support/site/run.ts';
import { createSite, setting, type Site } from '../../test/support/site/site.ts';
import { costOf, median, quartiles, type Cost } from './command.ts';
import type { Figure } from './figure.ts';
import { pgbenchOf } from './pgbench.ts';
import { pgBackRestVersion, setUpPgBackRest } from './pgbackrest.ts';
import type { S3Address } from './s3-main.ts';
import { startS3Site } from './s3-site.ts';

const mebibyte = 1024 ** 2;
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
  const peerScript = `${peer.backupCommand} > /dev/null`;
  const own: Cost[] = [];
  const theirs: Cost[] = [];
  const env = { ...site.readerEnv, ...server.env };
  const timed = (script: string, costs: Cost[]) => {
    spawnSync('sync');
    costs.push(costOf({ script, cwd: server.dataDirectory, env }));
  };
  const args = ['backup', '--fast', '--jobs', '2', '--quiet'];
  for (let round = 0; round < rounds; round++) {
    forgetBackups(site);
    timed(site.command(args.join(' ')), own);
    timed(peerScript, theirs);
    const [a, b] = [own.at(-1), theirs.at(-1)];
    console.log(`backup: walvault ${shown(a)}, pgBackRest ${shown(b)}`);
  }
  forgetBackups(site);
  const { maxResidentBytes } = await site.walvault(args, {
    env: server.env,
    cwd: server.dataDirectory,
    timeoutMs: 600_000,
  });
  const { stdout } = await runOk('du', ['-sb', join(server.dataDirectory, 'base')], { as: 'self' });
  const what = `full backup of ${formatSize(Number.parseInt(stdout, 10))} to ${name}, 2 jobs`;
  const ratios = (of: keyof Cost) => own.map((cost, round) => cost[of] / (theirs[round]?.[of] ?? NaN));
  const row = (of: keyof Cost, name: string): Figure => ({
    what: `${what}, ${name}`,
    measured: `${seconds(own, of)} s (${quartiles(ratios(of))
      .map(ratio => ratio.toFixed(2))
      .join('–')} of pgBackRest's)`,
    beside: `pgBackRest, 2 processes: ${seconds(theirs, of)} s`,
    value: { number: median(ratios(of)), limit: { atMost: 1 } },
  });
  return [
    row('wallMs', 'time'),
    row('cpuMs', 'CPU'),
    {
      what: `${what}, memory`,
      measured: formatSize(maxResidentBytes),
      value: { number: maxResidentBytes / mebibyte, unit: 'MiB', limit: { atMost: 400 } },
    },
  ];
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

function seconds(costs: readonly Cost[], of: keyof Cost): string {
  return (median(costs.map(cost => cost[of])) / 1000).toFixed(1);
}

function shown(cost: Cost | undefined): string {
  return cost === undefined
    ? ''
    : `${(cost.wallMs / 1000).toFixed(1)} s (CPU ${(cost.cpuMs / 1000).toFixed(1)} s)`;
}
