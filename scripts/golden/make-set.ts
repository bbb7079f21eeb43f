/**
 * Makes the archives of a golden set: the life of one cluster in an encrypted repository, and of another in a plain
 * repository. It has a removed backup, a kept backup, a range of WAL that was given up, a backup of a standby, a
 * promotion, a backup on the second timeline, and a note of every kind.
 */
import { cpSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { backUp, restoreInto, startCopy, type TakenBackup } from '../../test/support/site/cycle.ts';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { archiveEverything, createSite, until, type Site } from '../../test/support/site/site.ts';
import { expectedOf, type Expected } from './expected.ts';
import { liveOnNotes } from './life-of-notes.ts';
import { notedIn } from './noted.ts';
import { commit, giveUpWal, limit, rowsUpTo, shrink } from './small-server.ts';
import { writeNotes } from './write-notes.ts';

/** Kept by the cleanup at the end. */
const backupCount = 4;

/** `whole`: two archives, with all that can happen to WAL and backups. `notes`: one small archive, with a note of each kind. */
export const lives = ['whole', 'notes'] as const;

export async function makeGoldenSet(directory: string, life: (typeof lives)[number]): Promise<void> {
  if (life === 'notes') {
    const site = await createSite();
    const restores = await liveOnNotes(site);
    const noted = await notedIn(site.configPath);
    saveSite(site, join(directory, 'encrypted'), { ...(await expectedOf(site, restores)), noted });
    return;
  }
  for (const kind of ['encrypted', 'plain'] as const) {
    const site = await createSite({ isEncrypted: kind === 'encrypted' });
    const moments = await liveOneLife(site);
    const ids = await backupsIn(site);
    await writeNotes(site, ids);
    const restores = moments.map(({ backup, ...rest }) => ({ backup: ids[backup] ?? '', ...rest }));
    saveSite(site, join(directory, kind), await expectedOf(site, restores));
  }
}

/** A restore of a backup by its number in the order of `list`. */
interface Moment {
  readonly backup: number;
  readonly args: readonly string[];
  readonly rows: readonly number[];
}

async function liveOneLife(site: Site): Promise<Moment[]> {
  await using primary = await site.startOrigin({
    env: { ...limit },
    initdbArgs: ['--wal-segsize=1'],
    conf: { wal_keep_size: '64MB' },
  });
  await shrink(primary);
  await commit(primary, 1, 2);
  // Removed by the cleanup at the end.
  await backUp(site, primary);
  await commit(primary, 3, 4);
  await backUp(site, primary);
  await commit(primary, 5, 6);
  const [pointInTime] = await primary.query<{ now: string }>('select clock_timestamp()::text as now');
  await commit(primary, 7, 8);
  await archiveEverything(primary);

  await giveUpWal(site, primary, [9, 16]);
  await backUp(site, primary);
  await commit(primary, 17, 18);
  await archiveEverything(primary);

  const standbyDirectory = await restoreInto(site, ['--archive-mode', 'preserve']);
  renameSync(join(standbyDirectory, 'recovery.signal'), join(standbyDirectory, 'standby.signal'));
  await using standby = await startCopy(site, standbyDirectory, {
    hot_standby: 'on',
    primary_conninfo: `'host=${primary.socketDirectory} port=${primary.port} user=postgres'`,
  });
  await caughtUp(standby, 18);
  const load = { isOver: false };
  const switching = keepSwitching(primary, load);
  await backUp(site, standby).finally(() => (load.isOver = true));
  await switching;
  await commit(primary, 19, 20);
  await caughtUp(standby, 20);
  await archiveEverything(primary);
  await primary.stop();
  await standby.query('select pg_promote(true, 60)');
  await commit(standby, 21, 22);
  await backUp(site, standby);
  await commit(standby, 23, 24);
  await archiveEverything(standby);
  const [named] = await standby.query<{ lsn: string }>(
    `select pg_create_restore_point('golden')::text as lsn`,
  );
  if (named === undefined) throw new Error('no restore point was made');
  await commit(standby, 25, 26);
  await archiveEverything(standby);
  await standby.stop();

  const done = await site.walvault(['cleanup', '--keep-last', String(backupCount)]);
  if (done.exitCode !== 0) throw new Error(done.stderr);
  return [
    { backup: 0, args: ['--target-time', pointInTime?.now ?? ''], rows: rowsUpTo(6) },
    { backup: 0, args: ['--target-immediate'], rows: rowsUpTo(4) },
    { backup: 1, args: ['--target-timeline', '1'], rows: rowsUpTo(20) },
    { backup: 2, args: [], rows: rowsUpTo(26) },
    { backup: 3, args: ['--target-name', 'golden'], rows: rowsUpTo(24) },
  ];
}

async function caughtUp(standby: PostgresServer, last: number): Promise<void> {
  await until(`row ${last} is on the standby`, async () => {
    const rows = await standby.query('select from committed where n = $1', [last]).catch(() => []);
    return rows.length > 0;
  });
}

/** A primary in use: its segments end now and then. */
async function keepSwitching(server: PostgresServer, load: { readonly isOver: boolean }): Promise<void> {
  await server.query('create table noise(t text)');
  while (!load.isOver) {
    await server.query(`insert into noise values ('x')`);
    await server.query('select pg_switch_wal()');
    await delay(300);
  }
}

async function backupsIn(site: Site): Promise<string[]> {
  const { stdout } = await site.walvault(['list', 'backups', '--json']);
  const [repository] = JSON.parse(stdout) as { systems: { backups: TakenBackup[] }[] }[];
  const ids = repository?.systems.flatMap(({ backups }) => backups.map(({ id }) => id)) ?? [];
  if (ids.length !== backupCount) throw new Error(`${ids.length} backups are kept, not ${backupCount}`);
  return ids;
}

/** Repository, keys, and a configuration whose paths are relative to `{{directory}}`. */
function saveSite(site: Site, target: string, expected: Expected): void {
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(site.directory)) {
    if (name === basename(site.configPath)) continue;
    cpSync(join(site.directory, name), join(target, name), { recursive: true });
  }
  // Its private key is elsewhere, as on a host.
  if (site.privateKeyPath !== '')
    cpSync(dirname(site.privateKeyPath), join(target, 'offline'), { recursive: true });
  writeFileSync(join(target, 'expected.json'), `${JSON.stringify(expected, undefined, 2)}\n`);
}
