/**
 * `npm run bench [cost] [memory] [push]`: what the drivers cost beside a bare request, the memory of a long upload by the
 * built executable, and what its pushes and fetches cost. Figures depend on the machine, so this is never a test: docs/benchmarks.md keeps the newest ones.
 */
import { availableParallelism, cpus } from 'node:os';
import { measureCost } from './bench/cost.ts';
import { measureMemory } from './bench/memory.ts';
import { benchPush } from './bench/push.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = {
  cost: measureCost,
  memory: measureMemory,
  push: () => benchPush(12),
};
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!(name in benches))
    throw new Error(`no such bench: ${name}; there are ${Object.keys(benches).join(', ')}`);

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}`);
for (const [name, measure] of Object.entries(benches))
  if (wanted.length === 0 || wanted.includes(name)) await measure();
