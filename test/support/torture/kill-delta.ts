/**
 * `restore --delta` killed at random moments on a damaged directory: it is as it was, or whole, or PostgreSQL does not start from it and the
 * same command completes it. WAL that was in it is never lost.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { RunOptions } from '../site/run.ts';
import type { Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import { killAtRandom, usualDurationMs } from './kill.ts';
import { runWithFault } from './strace.ts';
import { assertComplete, assertDoesNotStart, makeBackup } from './kill-restore.ts';

export interface KillDeltaFigures {
  readonly rounds: number;
  readonly killed: number;
  /** Killed before anything was changed. */
  readonly untouched: number;
  /** Killed when `pg_control` was gone. */
  readonly halfRestored: number;
  /** Killed, and the directory was whole already. */
  readonly completeAfterKill: number;
}

export async function killDeltaRestores(site: Site, rounds: number, sizeMiB = 8): Promise<KillDeltaFigures> {
  await makeBackup(site, sizeMiB);
  const directory = join(temporaryDirectory('delta'), 'data');
  const restore = (options: RunOptions = {}) => site.walvault(['restore', directory, '--delta'], options);
  const first = await restore();
  assert.equal(first.exitCode, 0, first.stderr);
  const outside = temporaryDirectory('outside');
  writeFileSync(join(outside, 'bait'), 'bait');
  let wal = 0;
  const damage = () => {
    damageDirectory(directory, outside);
    writeFileSync(join(directory, 'pg_wal', `precious ${wal++}`), '');
    giveToUnprivileged(directory);
  };
  let usualMs = await usualDurationMs(async () => {
    damage();
    const result = await restore();
    assert.equal(result.exitCode, 0, result.stderr);
    return result;
  }, 1);
  const figures = { rounds, killed: 0, untouched: 0, halfRestored: 0, completeAfterKill: 0 };
  for (let round = 0; round < rounds || (figures.killed === 0 && round < 10 * rounds); round++) {
    damage();
    // A restore that is killed again and again goes on all the same.
    for (let kills = 0; kills < 2; kills++) {
      const { wasKilled, result } = await killAtRandom(restore, usualMs);
      if (wasKilled) figures.killed++;
      else {
        assert.equal(result.exitCode, 0, result.stderr);
        usualMs = Math.min(usualMs, result.elapsedMs);
      }
      figures[await stateOf(directory, wasKilled)] += wasKilled ? 1 : 0;
    }
    const next = await restore();
    assert.equal(next.exitCode, 0, next.stderr);
    await assertComplete(directory, ignored(directory));
    assert.equal(existsSync(join(directory, 'walvault.delta-restore')), false);
    assert.deepEqual(
      preciousIn(directory),
      Array.from({ length: wal }, (_, number) => `precious ${number}`).toSorted(),
    );
    assert.deepEqual(readdirSync(outside), ['bait']);
  }
  return figures;
}

async function stateOf(
  directory: string,
  wasKilled: boolean,
): Promise<'untouched' | 'halfRestored' | 'completeAfterKill'> {
  const isMarked = existsSync(join(directory, 'walvault.delta-restore'));
  if (!existsSync(join(directory, 'global', 'pg_control'))) {
    assert.ok(wasKilled && isMarked, 'no pg_control, and no mark of a restore');
    await assertDoesNotStart(directory);
    return 'halfRestored';
  }
  const isDamaged = existsSync(join(directory, 'base', 'superfluous'));
  if (isDamaged) {
    assert.ok(wasKilled, 'restored, and damaged');
    return 'untouched';
  }
  await assertComplete(directory, ignored(directory));
  return 'completeAfterKill';
}

/** In each database a page that differs, and a file that is missing; things that the backup does not have, links among them. */
function damageDirectory(directory: string, outside: string): void {
  const base = join(directory, 'base');
  for (const database of readdirSync(base)) {
    const files = readdirSync(join(base, database)).filter(name => /^\d+$/.test(name));
    const [flipped, missing] = [files[3], files[7]];
    if (flipped === undefined || missing === undefined) continue;
    const file = openSync(join(base, database, flipped), 'r+');
    writeSync(file, Buffer.from('flip'), 0, 4, 4000);
    closeSync(file);
    rmSync(join(base, database, missing));
    symlinkSync(join(outside, 'bait'), join(base, database, missing));
  }
  mkdirSync(join(base, 'superfluous'), { recursive: true });
  writeFileSync(join(base, 'superfluous', 'file'), '');
  symlinkSync(outside, join(base, 'superfluous', 'link'));
}

function asideIn(directory: string): string[] {
  return readdirSync(directory).filter(name => name.startsWith('pg_wal.before-restore-'));
}

/** A process that is killed leaves its lock behind, which holds nobody up. */
function ignored(directory: string): string[] {
  return ['postmaster.pid', ...asideIn(directory)].map(name => `--ignore=${name}`);
}

function preciousIn(directory: string): string[] {
  return asideIn(directory)
    .flatMap(name => readdirSync(join(directory, name)))
    .filter(name => name.startsWith('precious'))
    .toSorted();
}

/**
 * Kills delta restores at each rename in turn. Where the marker is there and `pg_wal` in its place, the next rename would have moved it:
 * `pg_control` is gone by then, and from then on.
 * @returns how many were killed before, at and after that moment
 */
export async function killDeltaAtRenames(site: Site): Promise<{ before: number; at: number; after: number }> {
  await makeBackup(site, 1);
  const directory = join(temporaryDirectory('delta'), 'data');
  const args = ['restore', directory, '--delta'];
  const options = { env: { ...site.readerEnv, WALVAULT_CONFIG: site.configPath } };
  const done = await site.walvault(args);
  assert.equal(done.exitCode, 0, done.stderr);
  const killed = { before: 0, at: 0, after: 0 };
  for (let nth = 1; ; nth++) {
    writeFileSync(join(directory, 'pg_wal', 'precious'), '');
    giveToUnprivileged(directory);
    const injection = { calls: 'rename,renameat,renameat2', effect: 'signal=KILL', nth } as const;
    const result = await runWithFault(args, injection, options);
    if (result.signal !== 'SIGKILL') {
      assert.equal(result.exitCode, 0, result.stderr);
      return killed;
    }
    const isMarked = existsSync(join(directory, 'walvault.delta-restore'));
    const isMoved = asideIn(directory).length > 0;
    const moment = isMoved ? 'after' : isMarked ? 'at' : 'before';
    killed[moment]++;
    const hasControlFile = existsSync(join(directory, 'global', 'pg_control'));
    assert.equal(hasControlFile, moment === 'before', `killed at rename ${nth}, ${moment}`);
    for (const name of asideIn(directory)) rmSync(join(directory, name), { recursive: true });
    const next = await site.walvault(args);
    assert.equal(next.exitCode, 0, next.stderr);
    for (const name of asideIn(directory)) rmSync(join(directory, name), { recursive: true });
  }
}
