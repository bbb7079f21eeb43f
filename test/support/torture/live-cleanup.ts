/**
 * `cleanup` again and again with a tight policy, beside a server that archives under load, backups, and restores whose copies
 * recover: nothing of them fails, each backup is whole or gone, and the archive is sound at the end.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { backUp, newDirectory, startCopy } from '../site/cycle.ts';
import { archiveEverything, outcomeOf, rowsOf, type Site } from '../site/site.ts';

export interface LiveCleanupFigures {
  readonly rows: number;
  readonly backups: number;
  readonly cleanups: number;
  readonly backupsRemoved: number;
  readonly objectsRemoved: number;
  readonly restores: number;
  /** Cleanup was faster, and the restore said so before it wrote anything. */
  readonly refusedRestores: number;
}

export interface LiveCleanupLength {
  /** So many restores beside the cleanups, and at least one more of what is left. */
  readonly restores: number;
  readonly backups: number;
  readonly say?: (line: string) => void;
}

const policies = [
  ['--keep-last', '1'],
  ['--recovery-window', '2s'],
] as const;
/** Longer than a copy needs to recover, so that the claim frees its backup within the run. */
const holdFor = '2m';

interface Scene {
  readonly site: Site;
  readonly origin: PostgresServer;
  /** The rows that were committed before each backup began. */
  readonly taken: Map<string, number>;
  rows: number;
}

export async function cleanUpLive(
  site: Site,
  { restores, backups, say = () => undefined }: LiveCleanupLength,
): Promise<LiveCleanupFigures> {
  await using origin = await site.startOrigin();
  await origin.query('create table committed(n int primary key)');
  const scene: Scene = { site, origin, taken: new Map(), rows: 0 };
  await takeBackup(scene);
  const ending = new AbortController();
  const cleaned = { cleanups: 0, backupsRemoved: 0, objectsRemoved: 0 };
  const loops = Promise.all([
    keepWriting(scene, ending.signal),
    keepBackingUp(scene, ending.signal),
    keepCleaning(site, cleaned, ending.signal),
  ]);
  let refusedRestores = 0;
  const restoreAll = async () => {
    for (let done = 0; done < restores || scene.taken.size < backups || cleaned.backupsRemoved === 0;) {
      const ids = await idsIn(site);
      const id = ids[Math.floor(Math.random() * ids.length)] ?? '';
      const rows = await restoredRows(scene, id);
      if (rows === undefined) refusedRestores++;
      else done++;
      say(`${id}: ${rows === undefined ? 'gone' : `${rows} rows`}; ${JSON.stringify(cleaned)}`);
    }
  };
  try {
    await Promise.race([loops, restoreAll()]);
  } finally {
    ending.abort();
    await loops;
  }
  await archiveEverything(origin);
  const [archiver] = await origin.query<{ failed: number }>(
    'select failed_count::int as failed from pg_stat_archiver',
  );
  assert.equal(archiver?.failed, 0, origin.logTail());
  const verified = await site.walvault(['verify']);
  assert.deepEqual([verified.exitCode, verified.stdout], [0, ''], verified.stdout + verified.stderr);
  await assertWholeOrGone(scene);
  return { rows: scene.rows, backups: scene.taken.size, ...cleaned, restores, refusedRestores };
}

/** One numbered row after the other; a segment lasts two seconds, since a copy must replay faster than that. */
async function keepWriting(scene: Scene, signal: AbortSignal): Promise<void> {
  const connection = await scene.origin.connect();
  try {
    while (!signal.aborted) {
      await connection.query('insert into committed values ($1)', [scene.rows + 1]);
      scene.rows++;
      if (scene.rows % 40 === 0) await connection.query('select pg_switch_wal()');
      await delay(50);
    }
  } finally {
    await connection.end();
  }
}

async function keepBackingUp(scene: Scene, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await takeBackup(scene);
}

async function takeBackup(scene: Scene): Promise<void> {
  const { rows } = scene;
  const { id } = await backUp(scene.site, scene.origin);
  scene.taken.set(id, rows);
}

async function keepCleaning(
  site: Site,
  cleaned: { cleanups: number; backupsRemoved: number; objectsRemoved: number },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const policy = policies[cleaned.cleanups % policies.length] ?? [];
    const done = await site.walvault(['cleanup', ...policy, '--json']);
    assert.equal(done.exitCode, 0, done.stderr);
    cleaned.cleanups++;
    const { repositories } = JSON.parse(done.stdout) as {
      repositories: { systems: { removed: { backups: string[]; objectCount: number } }[] }[];
    };
    for (const { removed } of repositories.flatMap(({ systems }) => systems)) {
      cleaned.backupsRemoved += removed.backups.length;
      cleaned.objectsRemoved += removed.objectCount;
    }
  }
}

/** Restores the backup and recovers to the end of the archive. Undefined: it is gone, and nothing was written. */
async function restoredRows(scene: Scene, id: string): Promise<number | undefined> {
  const { site } = scene;
  const directory = newDirectory();
  const restored = await site.walvault(['restore', directory, '--backup', id, '--hold-for', holdFor], {
    timeoutMs: 180_000,
  });
  if (restored.exitCode === errorCodes['not-found'] || restored.exitCode === errorCodes.refused) {
    assert.ok(!existsSync(directory) || readdirSync(directory).length === 0, restored.stderr);
    return undefined;
  }
  assert.equal(restored.exitCode, 0, restored.stderr);
  await using copy = await startCopy(site, directory);
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  const rows = await rowsOf(copy);
  assert.deepEqual(
    rows,
    Array.from({ length: rows.length }, (_, index) => index + 1),
  );
  assert.ok(rows.length >= (scene.taken.get(id) ?? 0), `${id} has lost committed rows`);
  await copy.stop('immediate');
  rmSync(directory, { recursive: true });
  return rows.length;
}

async function assertWholeOrGone(scene: Scene): Promise<void> {
  const { site, taken } = scene;
  const left = await idsIn(site);
  assert.ok(left.length > 0);
  for (const id of left) assert.equal(await restoredRows(scene, id), scene.rows, id);
  const paths = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' });
  const gone = [...taken.keys()].filter(id => !left.includes(id));
  assert.deepEqual(
    paths.filter(path => !path.includes('/notes/') && gone.some(id => path.includes(id))),
    [],
  );
}

async function idsIn(site: Site): Promise<string[]> {
  const listed = await site.walvault(['list', 'backups']);
  assert.equal(listed.exitCode, 0, listed.stderr);
  return listed.stdout.match(/^\d{8}T\d{6}Z-full-[0-9a-f]+/gm) ?? [];
}
