/** `restore` killed at random moments: PostgreSQL starts from a complete directory or from none. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, globSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findPostgresBinaries } from '../servers/postgres-binaries.ts';
import { run, type RunOptions } from '../site/run.ts';
import { verifyWithPostgres } from '../site/cycle.ts';
import type { Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { startFilledOrigin } from './filled-origin.ts';
import { killAtRandom, usualDurationMs } from './kill.ts';
import { countCalls, runWithFault } from './strace.ts';

export interface KillRestoreFigures {
  readonly rounds: number;
  readonly killed: number;
  /** Killed when something of the directory was there, `pg_control` not. */
  readonly halfRestored: number;
  /** Killed, and the directory was complete already. */
  readonly completeAfterKill: number;
}

export async function killRestores(site: Site, rounds: number, sizeMiB = 8): Promise<KillRestoreFigures> {
  await makeBackup(site, sizeMiB);
  const scratch = temporaryDirectory('restores');
  const directory = join(scratch, 'data');
  const restore = (options: RunOptions = {}) => site.walvault(['restore', directory], options);
  let usualMs = await usualDurationMs(async () => {
    rmSync(directory, { recursive: true, force: true });
    const result = await restore();
    assert.equal(result.exitCode, 0, result.stderr);
    return result;
  }, 1);
  let killed = 0;
  let halfRestored = 0;
  let completeAfterKill = 0;
  for (let round = 0; round < rounds || (killed === 0 && round < 10 * rounds); round++) {
    rmSync(directory, { recursive: true, force: true });
    const { wasKilled, result } = await killAtRandom(restore, usualMs);
    if (wasKilled) killed++;
    else {
      assert.equal(result.exitCode, 0, result.stderr);
      usualMs = Math.min(usualMs, result.elapsedMs);
    }
    if (existsSync(join(directory, 'global', 'pg_control'))) {
      if (wasKilled) completeAfterKill++;
      await assertComplete(directory);
    } else {
      assert.ok(wasKilled, 'restored, and no pg_control');
      if (!isAbsentOrEmpty(directory)) halfRestored++;
      await assertDoesNotStart(directory);
    }
    if (!isAbsentOrEmpty(directory)) {
      const refused = await restore();
      assert.equal(refused.exitCode, 14, refused.stderr);
      assert.match(refused.stderr, /^walvault: .+\nHINT: {2}.+\n$/);
      rmSync(directory, { recursive: true });
    }
    const next = await restore();
    assert.equal(next.exitCode, 0, next.stderr);
    await assertComplete(directory);
  }
  return { rounds, killed, halfRestored, completeAfterKill };
}

/**
 * Kills restores at each of their last `count` fsyncs. `pg_control` is named after everything else is durable, so only
 * the very last fsync, the one that makes its name durable, may find it.
 */
export async function killRestoresAtLastFsyncs(site: Site, count: number): Promise<void> {
  await makeBackup(site, 1);
  allowNoNotes(site.repositoryPath);
  const directory = join(temporaryDirectory('restores'), 'data');
  const options = { env: { ...site.readerEnv, WALVAULT_CONFIG: site.configPath } };
  const restore = ['restore', directory];
  const total = await countCalls(restore, 'fsync,fdatasync', options);
  assert.ok(total > count, `a restore makes only ${total} fsyncs`);
  for (let nth = total; nth > total - count; nth--) {
    rmSync(directory, { recursive: true });
    const injection = { calls: 'fsync,fdatasync', effect: 'signal=KILL', nth } as const;
    const killed = await runWithFault(restore, injection, options);
    assert.equal(killed.signal, 'SIGKILL', killed.stderr);
    const hasControlFile = existsSync(join(directory, 'global', 'pg_control'));
    assert.equal(hasControlFile, nth === total, `killed at fsync ${nth} of ${total}`);
    if (hasControlFile) await assertComplete(directory);
    else await assertDoesNotStart(directory);
  }
}

/** A restore notes in the repository how far it is, its end too, and these fsyncs would be counted among those of its files. */
function allowNoNotes(repositoryPath: string): void {
  for (const path of globSync(['*/*/catalog', '*/*/catalog/notes'], { cwd: repositoryPath }))
    chmodSync(join(repositoryPath, path), 0o555);
}

export async function makeBackup(site: Site, sizeMiB: number): Promise<void> {
  const { server } = await startFilledOrigin(site, sizeMiB);
  const taken = await site.walvault(['backup', '--fast'], { env: server.env });
  assert.equal(taken.exitCode, 0, taken.stderr);
  await server.stop();
}

function isAbsentOrEmpty(directory: string): boolean {
  return !existsSync(directory) || readdirSync(directory).length === 0;
}

/** PostgreSQL's own check of every file, and what makes it recover instead of start as it is. */
export async function assertComplete(directory: string, verifyArgs: readonly string[] = []): Promise<void> {
  for (const name of ['recovery.signal', 'backup_label', 'postgresql.auto.conf'])
    assert.ok(existsSync(join(directory, name)), `${name} is missing beside pg_control`);
  await verifyWithPostgres({ binDir: findPostgresBinaries() }, directory, verifyArgs);
}

export async function assertDoesNotStart(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  const options = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${temporaryDirectory('sock')}`];
  const started = await run(join(findPostgresBinaries(), 'postgres'), ['-D', directory, ...options]);
  assert.notEqual(started.exitCode, 0, started.stderr);
  assert.equal(started.signal, null, started.stderr);
}
