/**
 * `npm run bench -- [push] [drain] [recovery] [backup] [trees] [--rounds N] [--segments N] [--write]`: the cost of archiving and recovering
 * with the built executable, in one table, each figure beside its reference and limit. `--write` puts the table into
 * docs/benchmarks.md. `cost` and `memory` are not part of the table and run only when named. Figures depend on the
 * machine, so the bench is never a test.
 */
import { installExecutable } from '../test/support/site/walvault.ts';
import { benchBackup } from './bench/backup.ts';
import { measureCost } from './bench/cost.ts';
import { replaceFigures } from './bench/document.ts';
import { benchDrain } from './bench/drain.ts';
import { tableOf, type Figure } from './bench/figure.ts';
import { describeMachine, loadNow } from './bench/machine.ts';
import { measureMemory } from './bench/memory.ts';
import { readOptions, type BenchOptions } from './bench/options.ts';
import { benchPush } from './bench/push.ts';
import { benchRecovery } from './bench/recovery.ts';
import { benchTrees } from './bench/trees.ts';

const tabled: Readonly<Record<string, (options: BenchOptions) => Promise<Figure[]>>> = {
  push: ({ rounds }) => benchPush(rounds.short),
  drain: ({ segments, rounds }) => benchDrain({ segments: segments.drain, rounds: rounds.long }),
  recovery: ({ segments, rounds }) => benchRecovery({ segments: segments.recovery, rounds: rounds.long }),
  backup: ({ rounds }) => benchBackup(rounds.backup),
  trees: ({ rounds }) => benchTrees(rounds.backup),
};
const others: Readonly<Record<string, () => Promise<void>>> = { cost: measureCost, memory: measureMemory };

const options = readOptions(process.argv.slice(2), {
  tabled: Object.keys(tabled),
  others: Object.keys(others),
});
installExecutable();
const machine = await describeMachine();
const loadAtStart = loadNow();
console.log(`${machine}\n`);
const startedAt = performance.now();
const figures: Figure[] = [];
for (const [name, measure] of Object.entries(tabled))
  if (options.wanted.includes(name)) {
    console.log(`${name}…`);
    figures.push(...(await measure(options)));
  }
for (const [name, measure] of Object.entries(others)) if (options.wanted.includes(name)) await measure();

if (figures.length > 0) {
  const { short, long } = options.rounds;
  const minutes = Math.ceil((performance.now() - startedAt) / 60_000);
  const load = `load ${loadAtStart} at the start and ${loadNow()} at the end of ${minutes} minutes`;
  const rounds = `Medians of ${short} rounds of single commands and of ${long} of draining and recovery, of ${options.rounds.backup} of backups`;
  const backlog = `${options.segments.drain} segments to drain`;
  const report = `${machine}; ${load}. ${rounds}, ${backlog}.\n\n${tableOf(figures)}`;
  console.log(`\n${report}`);
  if (options.write) replaceFigures(report);
}
