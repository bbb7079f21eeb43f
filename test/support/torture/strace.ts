/** Makes a chosen system call of the executable fail, or kills the executable there, without a hook in its code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareEnvironment, run, type RunOptions, type RunResult } from '../site/run.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { walvaultExecutable } from '../site/walvault.ts';

export interface Injection {
  /** As strace knows it: `fsync,fdatasync`. */
  readonly calls: string;
  readonly effect: 'signal=KILL' | 'error=EIO' | 'error=ENOSPC';
  /** The first, second… such call of the process; default: each of them. */
  readonly nth?: number;
}

/** Runs the executable with the fault. One thread does all file operations, so that calls can be counted. */
export function runWithFault(
  args: readonly string[],
  { calls, effect, nth }: Injection,
  options: RunOptions = {},
): Promise<RunResult> {
  const when = nth === undefined ? '' : `:when=${nth}`;
  const tracing = ['-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:${effect}${when}`];
  return runUnderStrace(tracing, args, options);
}

/** How many such calls an undisturbed run makes, counted as `nth` counts them. */
export async function countCalls(
  args: readonly string[],
  calls: string,
  options: RunOptions = {},
): Promise<number> {
  const trace = join(temporaryDirectory('strace'), 'trace');
  const result = await runUnderStrace(['-o', trace, '-e', `trace=${calls}`], args, options);
  if (result.exitCode !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`);
  const isCall = new RegExp(String.raw`^\d+ +(${calls.replaceAll(',', '|')})\(`, 'gm');
  return (readFileSync(trace, 'utf8').match(isCall) ?? []).length;
}

function runUnderStrace(
  tracing: readonly string[],
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  return run('strace', ['-f', '-qq', ...tracing, walvaultExecutable(), ...args], {
    ...options,
    env: { ...bareEnvironment, ...options.env, UV_THREADPOOL_SIZE: '1' },
  });
}
