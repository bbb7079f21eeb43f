/**
 * `npm run soak -- [--minutes N] [scenario…]`: the torture of test/support/torture at full length, and its figures. About three
 * hours, one of them fuzzing and thirty minutes the outage, and 60 GB of scratch space, of which all but 10 are for `large-cluster`. Runs against a copy of the executable, so that a build
 * beside it changes nothing. `fuzz` runs the sources: `--seed` gives the same inputs again, `--target NAME` chooses (several times),
 * `--input FILE` repeats a saved one.
 */
import { parseArgs } from 'node:util';
import { installExecutable } from '../test/support/site/walvault.ts';
import { scenarios } from './soak/scenarios.ts';

const { values: options, positionals: wanted } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true },
    input: { type: 'string' },
  },
  allowPositionals: true,
});
const minutes = options.minutes === undefined ? undefined : Number(options.minutes);
if (minutes !== undefined && !(minutes > 0))
  throw new Error(`--minutes ${options.minutes}: not a number of minutes`);
const unknown = wanted.filter(name => scenarios.every(scenario => scenario.name !== name));
if (unknown.length > 0)
  throw new Error(
    `no such scenario: ${unknown.join(' ')}; there are ${scenarios.map(({ name }) => name).join(', ')}`,
  );
const chosen = scenarios.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (chosen.some(({ runsSources }) => runsSources !== true)) installExecutable();

const summary: string[] = [];
let failed = 0;
for (const { name, run } of chosen) {
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(0).padStart(4);
  try {
    const figures = await run({ ...options, minutes });
    summary.push(`ok   ${name.padEnd(16)} ${seconds()} s  ${figures}`);
  } catch (error) {
    failed++;
    console.log(error);
    summary.push(`FAIL ${name.padEnd(16)} ${seconds()} s`);
  }
  console.log(summary.at(-1));
}
console.log(`\n${summary.join('\n')}\n${summary.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && summary.length > 0 ? 0 : 1;
