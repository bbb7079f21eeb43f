/**
 * `npm run bench -- recovery`: how fast a real recovery gets its WAL while the agent fetches ahead, and how long
 * PostgreSQL waits for it. Replay of pgbench's WAL is slower than fetching. So WAL that costs no replay measures the
 * rate, and pgbench's WAL measures the waiting.
 */
import { spawnSync } from 'node:child_process';
import { walvaultExecutable } from '../../test/support/site/walvault.ts';
import { archiveWal, messageWal, pgbenchWal, type ArchivedWal } from './archived-wal.ts';
import { costOf, median } from './command.ts';
import type { Figure } from './figure.ts';
import { recover } from './recovery-once.ts';
import { compressInto, decompressAll } from './zstd.ts';

export interface RecoveryBenchOptions {
  readonly segments: number;
  readonly rounds: number;
}

export async function benchRecovery({ segments, rounds }: RecoveryBenchOptions): Promise<Figure[]> {
  const messages = await archiveWal(messageWal, segments);
  const rate = await rateFigure(messages, rounds);
  const pgbench = await archiveWal(pgbenchWal, Math.ceil(segments / 4));
  return [rate, await waitingFigure(pgbench, rounds)];
}

async function rateFigure({ site, base, walDirectory, names }: ArchivedWal, rounds: number): Promise<Figure> {
  const { directory } = await compressInto(walDirectory, names);
  const rates: { perSecond: number; zstdPerSecond: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    spawnSync('sync');
    const zstdBefore = await decompressAll(directory, names);
    const { perSecond } = await recover(site, base, names);
    const zstdAfter = await decompressAll(directory, names);
    rates.push({ perSecond, zstdPerSecond: (zstdBefore + zstdAfter) / 2 });
    console.log(
      `recovery: ${perSecond.toFixed(1)} segments/s, zstd -d ${zstdBefore.toFixed(1)} and ${zstdAfter.toFixed(1)}`,
    );
  }
  const zstd = median(rates.map(({ zstdPerSecond }) => zstdPerSecond)).toFixed(1);
  return {
    what: `fetching ${names.length} segments by a recovery whose replay costs nothing (messages)`,
    measured: `${median(rates.map(({ perSecond }) => perSecond)).toFixed(1)} segments/s`,
    beside: `zstd -d, fsync and rename, two at a time: ${zstd} segments/s`,
    value: {
      number: median(rates.map(({ perSecond, zstdPerSecond }) => perSecond / zstdPerSecond)),
      limit: { atLeast: 0.5 },
    },
  };
}

async function waitingFigure({ site, base, names }: ArchivedWal, rounds: number): Promise<Figure> {
  const shares: { waiting: number; floor: number; medianMs: number; perSecond: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { waiting, warm, medianMs, perSecond } = await recover(site, base, names, { isTimed: true });
    const empty = { script: `${walvaultExecutable()} --version > /dev/null`, cwd: '/', env: {}, times: 20 };
    const floor = (costOf(empty).wallMs * warm.segments) / warm.elapsedMs;
    shares.push({ waiting, floor, medianMs, perSecond });
    console.log(
      `recovery of pgbench's WAL: waiting ${percent(waiting)} of the time, floor ${percent(floor)}`,
    );
  }
  const of = (name: keyof (typeof shares)[number]) => median(shares.map(share => share[name]));
  return {
    what: `waiting for restore_command in a recovery of ${names.length} segments by pgbench, once warm`,
    measured: `${percent(of('waiting'))} of the time, ${of('medianMs').toFixed(0)} ms a segment, ${of('perSecond').toFixed(1)} segments/s replayed`,
    beside: `an empty program a segment: ${percent(of('floor'))}`,
    value: { number: of('waiting') * 100, unit: '%', limit: { atMost: 10 } },
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
