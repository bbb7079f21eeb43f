/** Live servers beside a timeline history in the archive that is junk, or gone (docs/adr/0008). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { historyPlaceholder } from '../../src/postgres/cluster/history-placeholder.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import {
  archiveEverything,
  coldCopy,
  commitRows,
  createSite,
  hasOpenedTimeline,
  isInRecovery,
  outcomeOf,
  rowsOf,
  startRecovery,
  until,
} from '../support/site/site.ts';

async function caughtUp(standby: PostgresServer, last: number): Promise<void> {
  await until(`row ${last} is on the standby`, async () =>
    (await rowsOf(standby).catch((): number[] => [])).includes(last),
  );
}

it('a standby starts, goes on, restarts and is promoted beside it, and recoveries end, each under a free number', async () => {
  const site = await createSite();
  await using origin = await site.startOrigin();
  await commitRows(origin, 1, 1);
  await origin.stop();
  const base = coldCopy(origin);
  await origin.start();
  await commitRows(origin, 2, 3);
  await archiveEverything(origin);
  const { systemId } = await readControlFile(origin.dataDirectory, new AbortController().signal);
  const timelines = join(site.repositoryPath, 'orders', String(systemId), 'timelines');
  const junk = join(timelines, '00000002.history');
  const pushed = join(origin.dataDirectory, 'pg_wal/00000002.history');
  writeFileSync(pushed, '\0'.repeat(41), { mode: 0o644 });
  const push = await site.walvault(['push', 'pg_wal/00000002.history'], { cwd: origin.dataDirectory });
  assert.equal(push.exitCode, 0, push.stderr);
  assert.match(push.stderr, /nobody can recover along timeline 2/);

  await using standby = await startRecovery(site, {
    from: base,
    mode: 'standby',
    conf: site.archiveConf,
  });
  await caughtUp(standby, 3);
  await until('the standby has looked for a new timeline', () =>
    standby.log().includes('new timeline 2 is not a child of database system timeline 1'),
  );
  const kept = join(standby.dataDirectory, 'pg_wal/00000002.history');
  assert.equal(readFileSync(kept, 'utf8'), historyPlaceholder);
  await standby.stop();
  await standby.start({ until: 'spawned' });
  await caughtUp(standby, 3);
  assert.ok(await isInRecovery(standby));
  await standby.query('select pg_promote(true, 60)');
  assert.ok(hasOpenedTimeline(standby, 3), standby.logTail());
  await commitRows(standby, 4, 5);
  await archiveEverything(standby);

  await using copy = await startRecovery(site, {
    from: base,
    mode: 'point-in-time',
    fetchArgs: '--timeline 1',
    conf: { recovery_target_timeline: "'1'" },
  });
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.ok(hasOpenedTimeline(copy, 4), copy.logTail());
  assert.deepEqual(await rowsOf(copy), [1, 2, 3]);

  // PostgreSQL follows the newest timeline, whatever lies between.
  await using newest = await startRecovery(site, { from: base, mode: 'point-in-time' });
  assert.equal(await outcomeOf(newest), 'promoted', newest.logTail());
  assert.deepEqual(await rowsOf(newest), [1, 2, 3, 4, 5]);

  const listed = await site.walvault(['list', 'wal']);
  assert.equal(listed.exitCode, 0, listed.stderr);
  assert.match(
    listed.stdout,
    /timeline 2 cannot be followed, its history cannot be read: .*00000002\.history/,
  );
  writeFileSync(junk, '<html>');
  const fetched = await site.walvault(['fetch', '00000002.history', 'x'], { cwd: site.directory });
  assert.equal(fetched.exitCode, 9, fetched.stderr);
  assert.match(fetched.stderr, /HINT: .*store rm --force/);

  // Timeline 3 has WAL: its number is not free, although no history is left.
  for (const name of readdirSync(timelines)) rmSync(join(timelines, name));
  await using beside = await startRecovery(site, {
    from: base,
    mode: 'point-in-time',
    fetchArgs: '--timeline 1',
    conf: { recovery_target_timeline: "'1'" },
  });
  assert.equal(await outcomeOf(beside), 'promoted', beside.logTail());
  assert.ok(hasOpenedTimeline(beside, 4), beside.logTail());
});
