/** `backup` killed at random moments: every listed backup is complete, and the next run succeeds. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { RunOptions } from '../site/run.ts';
import { archiveEverything, commitRows, outcomeOf, rowsOf, type Site } from '../site/site.ts';
import { startPostgres } from '../servers/postgres-server.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { Auditor } from './audit.ts';
import { startFilledOrigin } from './filled-origin.ts';
import { killAtRandom, usualDurationMs } from './kill.ts';

export interface KillBackupFigures {
  readonly rounds: number;
  readonly killed: number;
  /** Killed, and the commit record was written already. */
  readonly committedAfterKill: number;
  readonly unfinishedBackups: number;
  readonly temporaryFiles: number;
}

export async function killBackups(site: Site, rounds: number, sizeMiB = 8): Promise<KillBackupFigures> {
  const { server, systemId } = await startFilledOrigin(site, sizeMiB);
  await using _server = server;
  const auditor = new Auditor(site, systemId);
  const backup = (options: RunOptions = {}) =>
    site.walvault(['backup', '--fast'], { ...options, env: server.env });
  let usualMs = await usualDurationMs(async () => {
    const result = await backup();
    assert.equal(result.exitCode, 0, result.stderr);
    return result;
  }, 1);
  let complete = (await auditor.audit()).backups.length;
  let killed = 0;
  let committedAfterKill = 0;
  let row = 1;
  for (let round = 0; round < rounds || (killed === 0 && round < 10 * rounds); round++) {
    row++;
    await commitRows(server, row, row);
    const { wasKilled, result } = await killAtRandom(backup, usualMs);
    if (wasKilled) killed++;
    else {
      assert.equal(result.exitCode, 0, result.stderr);
      usualMs = Math.min(usualMs, result.elapsedMs);
    }

    const { backups } = await auditor.audit();
    if (wasKilled && backups.length > complete) committedAfterKill++;
    assert.ok(backups.length === complete + 1 || (wasKilled && backups.length === complete));
    await assertListed(site, backups.length);

    const next = await backup();
    assert.equal(next.exitCode, 0, next.stderr);
    complete = (await auditor.audit()).backups.length;
    assert.equal(complete, backups.length + 1);
  }
  await archiveEverything(server);
  await assertRecovers(site, row);
  const cleaned = await site.walvault(['cleanup', '--keep-last', '1']);
  assert.equal(cleaned.exitCode, 0, cleaned.stderr);
  const { backups, unfinishedBackups, temporaryFiles } = await auditor.audit();
  assert.equal(backups.length, 1);
  return {
    rounds,
    killed,
    committedAfterKill,
    unfinishedBackups: unfinishedBackups.length,
    temporaryFiles: temporaryFiles.length,
  };
}

export async function assertListed(site: Site, count: number): Promise<void> {
  const listed = await site.walvault(['list', 'backups']);
  assert.equal(listed.exitCode, 0, listed.stderr);
  assert.equal((listed.stdout.match(/^ *\d{8}T\d{6}Z-full-/gm) ?? []).length, count, listed.stdout);
}

/** The newest backup and all the WAL give every committed row. */
export async function assertRecovers(site: Site, rows: number): Promise<void> {
  const directory = join(temporaryDirectory('restored'), 'data');
  const restored = await site.walvault(['restore', directory]);
  assert.equal(restored.exitCode, 0, restored.stderr);
  await using server = await startPostgres({ dataDirectory: directory, start: false, env: site.readerEnv });
  await server.start({ until: 'spawned' });
  assert.equal(await outcomeOf(server), 'promoted', server.logTail());
  assert.equal((await rowsOf(server)).length, rows);
}
