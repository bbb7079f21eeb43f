/**
 * `npm run bench -- [push] [drain] [cost] [memory] [--rounds N] [--segments N]`: what pushes and
 * fetches by the built executable cost, what the drivers cost beside a bare request, and the memory of a long upload.
 * Figures depend on the machine, so this is never a test: docs/benchmarks.md keeps the newest ones.
 */
import { availableParallelism, cpus } from 'node:os';
import { measureCost } from './bench/cost.ts';
import { benchDrain } from './bench/drain.ts';
import { tableOf } from './bench/figure.ts';
import { measureMemory } from './bench/memory.ts';
import { readOptions, type BenchOptions } from './bench/options.ts';
import { benchPush } from './bench/push.ts';

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  push: async ({ rounds }) => console.log(tableOf(await benchPush(rounds.short))),
  drain: async ({ segments, rounds }) =>
    console.log(tableOf(await benchDrain({ segments: segments.drain, rounds: rounds.long }))),
  cost: measureCost,
  memory: measureMemory,
};
const options = readOptions(process.argv.slice(2), Object.keys(benches));
console.log(`${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}`);
for (const [name, measure] of Object.entries(benches))
  if (options.wanted.length === 0 || options.wanted.includes(name)) await measure(options);
