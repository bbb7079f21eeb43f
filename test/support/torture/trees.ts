/**
 * Trees of backups under load: between backups of all types a seed chooses what happens to tables, indexes and databases, and
 * now and then the server gives way to a copy of itself on a new timeline. Every backup is restored, examined, and compared with a
 * dump of its origin.
 */
import assert from 'node:assert/strict';
import { startPostgres, type PostgresOptions, type PostgresServer } from '../servers/postgres-server.ts';
import { localTools, type PostgresTools } from '../servers/postgres-tools.ts';
import { backUp, restoreInto, type TakenBackup } from '../site/cycle.ts';
import { dumpOf } from '../site/database-contents.ts';
import { runLoad } from '../site/load.ts';
import type { Environment } from '../site/run.ts';
import { archiveEverything, createSite, outcomeOf, type Site } from '../site/site.ts';
import { checkTables, verifyRestored } from '../site/verify-restored.ts';
import { Seeded } from './interleavings/seeded.ts';

export interface TreeFigures {
  readonly rounds: number;
  readonly full: number;
  readonly differential: number;
  readonly incremental: number;
  readonly bySummaries: number;
  readonly promotions: number;
}

export interface TreeOptions {
  readonly seed: number;
  readonly rounds: number;
  /** Empty: the local PostgreSQL. */
  readonly postgres: Pick<PostgresOptions, 'binDir'>;
  readonly usesSummaries: boolean;
  readonly say: (line: string) => void;
}

interface TreeBackup extends TakenBackup {
  readonly type: 'full' | 'differential' | 'incremental';
  readonly changesFrom?: 'digests' | 'summaries';
}

/** One in so many rounds begins on a new timeline. */
const roundsOfTimeline = 8;
/** Most are incremental, as they are in life. */
const types = ['full', 'differential', 'differential', ...Array<string>(7).fill('incremental')];

/** What happens between two backups; each can happen again. */
const changes: Readonly<Record<string, string>> = {
  update: 'update kept set body = md5(random()::text) where id % 97 = floor(random() * 97)',
  'delete and vacuum': 'delete from kept where id > (select max(id) * 0.7 from kept); vacuum kept',
  grow: 'insert into kept(body) select repeat(md5(n::text), 8) from generate_series(1, 4000) n',
  'vacuum full': 'vacuum full kept',
  freeze: 'vacuum (freeze) kept',
  truncate: 'truncate cut',
  refill: "insert into cut select n, repeat('x', 300) from generate_series(1, 3000) n",
  'drop and create':
    'drop table if exists gone; create table gone as select n from generate_series(1, 2000) n',
  'alter type':
    'alter table cut alter column n type bigint using n::bigint; alter table cut alter column n type int using n::int',
  reindex: 'reindex table kept',
  unlogged:
    'create unlogged table if not exists passing(n int); insert into passing select generate_series(1, 1000)',
  'copy database': 'drop database if exists copied; create database copied template template0',
  'drop database': 'drop database if exists copied',
  cluster: 'cluster kept using kept_pkey',
  'hint bits': 'select count(*) from kept; select count(*) from ledger',
};

export async function growTrees({
  seed,
  rounds,
  postgres,
  usesSummaries,
  say,
}: TreeOptions): Promise<TreeFigures> {
  const random = new Seeded(seed);
  const site = await createSite();
  const tools = await localTools();
  let origin = await site.startOrigin({
    ...postgres,
    ...(usesSummaries && { conf: { summarize_wal: 'on' } }),
  });
  const counts = { full: 0, differential: 0, incremental: 0, bySummaries: 0, promotions: 0 };
  try {
    await origin.query(`
      create table kept (id serial primary key, body text);
      insert into kept(body) select repeat(md5(n::text), 8) from generate_series(1, 10000) n;
      create table cut (n int, body text)`);
    for (let round = 0; round < rounds; round++) {
      if (round % roundsOfTimeline === roundsOfTimeline - 1) {
        origin = await onNewTimeline(site, origin, postgres);
        counts.promotions++;
      }
      const done = [random, random, random].map(one => one.pick(Object.keys(changes)));
      for (const name of done)
        for (const statement of (changes[name] ?? '').split('; ')) await origin.query(statement);
      const backup = await backUpUnderLoad(site, origin, random.pick(types));
      counts[backup.type]++;
      if (backup.changesFrom === 'summaries') counts.bySummaries++;
      await assertRestored(site, origin, { backup, tools, postgres, point: `round_${round}` });
      say(`${round}: ${done.join(', ')}: ${backup.type} ${backup.changesFrom ?? ''}`);
    }
  } finally {
    await origin.stop();
  }
  return { rounds, ...counts };
}

async function backUpUnderLoad(site: Site, origin: PostgresServer, type: string): Promise<TreeBackup> {
  const ending = new AbortController();
  const load = runLoad(origin, { transactions: Infinity, pauseMs: 2, signal: ending.signal });
  try {
    return (await backUp(site, origin, ['--type', type])) as TreeBackup;
  } finally {
    ending.abort();
    await load;
  }
}

interface Compared {
  readonly backup: TreeBackup;
  readonly tools: PostgresTools;
  readonly postgres: TreeOptions['postgres'];
  /** The name of a restore point, where nothing writes. */
  readonly point: string;
}

async function assertRestored(
  site: Site,
  origin: PostgresServer,
  { backup, tools, postgres, point }: Compared,
): Promise<void> {
  // The copy's unlogged tables are empty.
  await origin.query('drop table if exists passing');
  // WAL has sequences some numbers ahead, unless they were just set.
  await origin.query(
    "select setval(s, nextval(s)) from unnest(array['kept_id_seq', 'ledger_id_seq']::regclass[]) s",
  );
  await origin.query(`select pg_create_restore_point('${point}')`);
  const contents = await dumpOf(origin, tools);
  await archiveEverything(origin);
  const target = ['--backup', backup.id, '--target-name', point, '--target-action', 'promote'];
  const directory = await restoreInto(site, target);
  await verifyRestored(directory, tools);
  await using copy = await startPostgres({
    ...postgres,
    dataDirectory: directory,
    start: false,
    env: patient(site),
  });
  await copy.start({ until: 'spawned' });
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.ok((await dumpOf(copy, tools)) === contents, `${backup.id} is another than its origin at ${point}`);
  await checkTables(copy, tools);
}

/** The end of the archive, in a copy that goes on archiving. */
async function onNewTimeline(
  site: Site,
  origin: PostgresServer,
  postgres: TreeOptions['postgres'],
): Promise<PostgresServer> {
  await archiveEverything(origin);
  await origin.stop();
  const dataDirectory = await restoreInto(site, ['--archive-mode', 'preserve']);
  const next = await startPostgres({ ...postgres, dataDirectory, start: false, env: patient(site) });
  await next.start({ until: 'spawned' });
  assert.equal(await outcomeOf(next), 'promoted', next.logTail());
  return next;
}

/** A machine that is busy with all of this must not end a recovery. */
function patient({ readerEnv }: Site): Environment {
  return { ...readerEnv, WALVAULT_FETCH_TIMEOUT: '60s' };
}
