/** The scenario `fuzz`: its options, its figures for each target, and the failing inputs that it keeps. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { formatSize } from '../../src/base/units.ts';
import { fuzz, repeatInput, type TargetResult } from '../../test/support/torture/fuzz/fuzz.ts';

/** What was typed; `minutes` is for scenarios whose length is a time, `seed` for those that repeat what it chose, the rest for `fuzz` alone. */
export interface SoakOptions {
  readonly minutes?: number | undefined;
  readonly seed?: string | undefined;
  readonly target?: readonly string[] | undefined;
  readonly input?: string | undefined;
}

const say = (line: string) => console.log(line);

export async function fuzzParsers({ minutes = 60, seed, target, input }: SoakOptions): Promise<string> {
  if (input !== undefined) {
    const fault = await repeatInput(input, say);
    if (fault !== undefined) throw new Error(`${fault.kind}: ${fault.message}`);
    return 'the input is taken or refused as it should be';
  }
  const results = await fuzz({
    minutes,
    seed: seed ?? randomBytes(4).toString('hex'),
    targets: target,
    faultsDirectory: resolve('fuzz-faults'),
    say,
  });
  for (const result of results) say(line(result));
  const faults = results.flatMap(result => result.faults);
  if (faults.length > 0) throw new Error(`${faults.length} faults in ${new Set(faults).size} parsers`);
  const inputs = results.reduce((total, result) => total + result.inputs, 0);
  const resident = Math.max(...results.map(({ residentBytes }) => residentBytes));
  return `${inputs} inputs for ${results.length} targets, no fault, up to ${formatSize(resident)} resident`;
}

function line({ name, inputs, seconds, residentBytes, faults }: TargetResult): string {
  const figures = `${String(inputs).padStart(9)} inputs ${seconds.toFixed(0).padStart(5)} s ${formatSize(residentBytes).padStart(9)}`;
  const found = faults.map(
    ({ kind, message, times, file }) => `\n  ${times} × ${kind}: ${message}\n    ${file}`,
  );
  return `${name.padEnd(18)} ${figures}${found.join('')}`;
}
