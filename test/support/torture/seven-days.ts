/**
 * A week of a real cluster in some minutes: its clock is moved by libfaketime. Backups every hour, a cleanup every day; then
 * restores to random moments of the window succeed, and one before it is refused with what is nearest.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import { restoreInto, startCopy } from '../site/cycle.ts';
import type { Environment } from '../site/run.ts';
import { archiveEverything, createSite, outcomeOf, type Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';

export interface SevenDaysFigures {
  readonly hours: number;
  readonly backupsLeft: number;
  readonly segmentsLeft: number;
  readonly restores: number;
}

interface Moment {
  readonly time: string;
  readonly rows: number;
  readonly hour: number;
}

const hourMs = 3_600_000;
const windowHours = 72;
const policy = ['--recovery-window', '3d', '--keep-daily', '6'];

export async function liveSevenDays(
  hours: number,
  restores: number,
  say: (line: string) => void,
): Promise<SevenDaysFigures> {
  const clock = new MovedClock(Date.now() - hours * hourMs);
  const site = await createSite();
  await using origin = await site.startOrigin({ env: clock.env });
  await origin.query('create table lived(n int primary key)');
  const moments: Moment[] = [];
  const startedAt = performance.now();
  for (let hour = 0; hour < hours; hour++) {
    clock.set(hour);
    await origin.query('insert into lived values ($1)', [2 * hour]);
    const [row] = await origin.query<{ time: string }>('select clock_timestamp()::text as time');
    moments.push({ time: row?.time ?? '', rows: 2 * hour + 1, hour });
    // Else the time of the next commit could be the moment itself.
    await origin.query('insert into lived values ($1)', [2 * hour + 1]);
    const taken = await site.walvault(['backup', '--fast'], {
      env: { ...origin.env, ...clock.env },
      timeoutMs: 180_000,
    });
    assert.equal(taken.exitCode, 0, taken.stderr);
    await archiveEverything(origin);
    clock.stamp(site.repositoryPath, hour);
    if (hour % 24 !== 23) continue;
    await clean(site, clock);
    clock.stamp(site.repositoryPath, hour);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    say(
      `day ${(hour + 1) / 24}: ${hour + 1} backups taken, ${(await idsIn(site)).length} left, ${seconds} s`,
    );
  }
  await clean(site, clock);
  const left = await idsIn(site);
  await origin.stop();

  // The last moment has no later commit that would prove it.
  const inside = moments.filter(({ hour }) => hour > hours - windowHours && hour < hours - 1);
  for (let round = 0; round < restores; round++) {
    const moment = inside[Math.floor(Math.random() * inside.length)];
    assert.ok(moment !== undefined);
    const directory = await restoreInto(site, ['--target-time', moment.time, '--target-action', 'promote']);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    const [row] = await copy.query<{ count: string }>('select count(*) from lived');
    assert.equal(Number(row?.count), moment.rows, `restored to ${moment.time}`);
    say(`restore ${round + 1}: ${moment.rows} rows at ${moment.time}`);
  }
  await assertRefused(site, moments);
  return {
    hours,
    backupsLeft: left.length,
    segmentsLeft: segmentsIn(site.repositoryPath).length,
    restores,
  };
}

/** A moment between two daily backups, before the window: the answer says what is missing, and what is nearest. */
async function assertRefused(site: Site, moments: readonly Moment[]): Promise<void> {
  const outside = moments.find(({ hour }) => hour === 12);
  assert.ok(outside !== undefined);
  const directory = join(temporaryDirectory('refused'), 'data');
  const refused = await site.walvault(['restore', directory, '--target-time', outside.time]);
  assert.ok(
    refused.exitCode === errorCodes.target || refused.exitCode === errorCodes['wal-missing'],
    `${refused.exitCode}: ${refused.stderr}`,
  );
  assert.match(refused.stderr, /is not archived|oldest possible target|before the end of the oldest/);
  assert.match(refused.stderr, /^HINT: .*\d{4}-\d\d-\d\d \d\d:\d\d/m);
  assert.ok(!existsSync(directory));
}

async function clean(site: Site, clock: MovedClock): Promise<void> {
  const cleaned = await site.walvault(['cleanup', ...policy], { env: clock.env, timeoutMs: 180_000 });
  assert.equal(cleaned.exitCode, 0, cleaned.stderr);
}

async function idsIn(site: Site): Promise<string[]> {
  const listed = await site.walvault(['list', 'backups']);
  assert.equal(listed.exitCode, 0, listed.stderr);
  return listed.stdout.match(/\d{8}T\d{6}Z-full-[0-9a-f]+/g) ?? [];
}

/** The clock of everything that runs with its environment; the files of a store get their times by `stamp`. */
class MovedClock {
  readonly #path = join(temporaryDirectory('clock'), 'time');
  readonly #beginMs: number;
  readonly env: Environment;

  constructor(beginMs: number) {
    this.#beginMs = beginMs;
    this.set(0);
    this.env = {
      LD_PRELOAD: findLibrary(),
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // Files have the times that `stamp` gave them.
      NO_FAKE_STAT: '1',
    };
  }

  /** The clock goes on from here: it only has another beginning. */
  set(hour: number): void {
    const offsetMs = this.#timeOf(hour) - Date.now();
    writeFileSync(this.#path, `${offsetMs < 0 ? '-' : '+'}${Math.abs(Math.round(offsetMs / 1000))}\n`);
  }

  /** The store's clock is that of the file system: what was written since the last time is from this hour. */
  stamp(directory: string, hour: number): void {
    const now = new Date(this.#timeOf(hour) + 10 * 60_000);
    for (const path of filesIn(directory)) {
      const { mtimeMs } = statSync(path);
      if (mtimeMs > now.getTime() && Date.now() - mtimeMs < hourMs) utimesSync(path, now, now);
    }
  }

  #timeOf(hour: number): number {
    return this.#beginMs + hour * hourMs;
  }
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

function segmentsIn(directory: string): string[] {
  return filesIn(directory).filter(path => /\/[0-9A-F]{24}$/.test(path));
}

/** Debian's package `libfaketime`; WALVAULT_TEST_FAKETIME names the library where it is unpacked elsewhere. */
function findLibrary(): string {
  const named = process.env['WALVAULT_TEST_FAKETIME'];
  const usual = ['x86_64', 'aarch64'].map(
    machine => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
  );
  const found = [...(named === undefined ? [] : [named]), ...usual].find(path => existsSync(path));
  if (found === undefined) throw new Error('not installed: libfaketime');
  return found;
}
