/** A cluster with segments of one size, archived and recovered through agents that send and fetch ahead. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import { agentPlace, servedBy } from '../site/agents.ts';
import { archivedSegments, hasTool } from '../site/cycle.ts';
import { runOk } from '../site/run.ts';
import { coldCopy, commitRows, createSite, outcomeOf, rowsOf, startRecovery, until } from '../site/site.ts';
import { readyCount } from './all-archived.ts';
import { Auditor } from './audit.ts';
import { assertNothingIsLeft } from './kill-agent.ts';
import { patience } from './pusher.ts';
import { readArchiver } from '../../../src/postgres/server/archiver.ts';

export interface SegmentSizeFigures {
  readonly archived: number;
  /** Of these, by PostgreSQL; the agent has sent the others by itself. */
  readonly asked: number;
  /** Of these, from what the agent had ready. */
  readonly served: number;
}

/** One row a segment; the names cross the end of the first four gigabytes where PostgreSQL's own tool can arrange that. */
export async function archiveAndRecover(segmentSizeMiB: number, rows: number): Promise<SegmentSizeFigures> {
  const agents = agentPlace({ ...patience, WALVAULT_ARCHIVE_BATCH: 'on' });
  const site = await createSite({ agents });
  const env = { ...site.readerEnv, ...agents.env };
  await using origin = await site.startOrigin({
    initdbArgs: [`--wal-segsize=${segmentSizeMiB}`],
    conf: { max_wal_size: '16GB', checkpoint_timeout: '1h' },
    env,
    start: false,
  });
  const segmentsALog = 4096 / segmentSizeMiB;
  const lastOfLog = (segmentsALog - 1).toString(16).toUpperCase().padStart(8, '0');
  if (rows < segmentsALog && hasTool(origin, 'pg_resetwal'))
    await runOk(join(origin.binDir, 'pg_resetwal'), [
      '-l',
      `0000000100000000${(segmentsALog - 3).toString(16).toUpperCase().padStart(8, '0')}`,
      origin.dataDirectory,
    ]);
  await origin.start();
  await commitRows(origin, 1, 1);
  await origin.stop();
  const base = coldCopy(origin);
  await origin.start();
  // A backlog, so that there is something to send ahead.
  const setCommand = async (command: string) => {
    await origin.query(`alter system set archive_command = '${command}'`);
    await origin.query('select pg_reload_conf()');
  };
  await setCommand('false');
  await commitRows(origin, 2, rows);
  await setCommand(site.command('push %p'));
  await until('the backlog is archived', () => readyCount(origin) === 0, 240_000);
  const { archivedCount } = await readArchiver(origin);
  await origin.stop();
  const { systemId } = await readControlFile(base, new AbortController().signal);
  await new Auditor(site, systemId).audit();
  const archived = archivedSegments(site).map(path => basename(path));
  if (rows >= segmentsALog || hasTool(origin, 'pg_resetwal')) {
    assert.ok(archived.includes(`0000000100000000${lastOfLog}`), archived.join());
    assert.ok(archived.includes('000000010000000100000000'), archived.join());
  }
  await using copy = await startRecovery(site, { from: base, mode: 'point-in-time', env });
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.equal((await rowsOf(copy)).length, rows);
  const served = await servedBy(site, copy);
  assert.doesNotMatch(copy.log(), /walvault: /);
  await copy.stop();
  await assertNothingIsLeft(agents);
  assert.deepEqual(
    readdirSync(join(copy.dataDirectory, 'pg_wal')).filter(name => name.includes('walvault')),
    [],
  );
  return { archived: archived.length, asked: archivedCount, served };
}
