/**
 * `npm test [step…]`: runs every check and every suite, or only the named steps; checks side by side. A failed step shows its output, a
 * passed step one line, below vitest's summary if it is a suite. `--` is before a step of which nothing could be run. Tests of a program that is missing here are left out and
 * named, unless CI=true. The last line is `N passed, N failed`.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { each } from '../src/base/threads/each.ts';
import { describeLeftOut } from './test/left-out.ts';
import { runStep } from './test/run-step.ts';
import { groupsOf, steps } from './test/steps.ts';

const root = resolve(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => steps.every(step => step.name !== name));
if (unknown.length > 0)
  throw new Error(`no such step: ${unknown.join(' ')}; there are ${steps.map(step => step.name).join(' ')}`);

const totals = { passed: 0, failed: 0 };
const leftOut: string[] = [];
for (const group of groupsOf(steps.filter(({ name }) => wanted.length === 0 || wanted.includes(name))))
  await each(group, availableParallelism(), async step => {
    const startedAt = performance.now();
    const result = await runStep(step, root);
    totals.passed += result.passed;
    totals.failed += result.failed;
    leftOut.push(...result.leftOut);
    const shown = result.failed > 0 ? result.output.trimEnd() : result.summary;
    if (shown !== '') console.log(shown);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const counts = step.kind === 'suite' ? `${result.passed} passed, ${result.failed} failed, ` : '';
    const mark = result.failed > 0 ? 'FAIL' : result.passed === 0 ? '--  ' : 'ok  ';
    console.log(`${mark} ${step.name} (${counts}${seconds} s)`);
  });
for (const line of describeLeftOut(leftOut)) console.log(line);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
