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
  return (await traced(args, calls, options)).length;
}

/** One call of one kind: strace counts each kind for itself, and in each thread for itself. */
export interface CallPoint {
  readonly calls: string;
  readonly nth: number;
}

/** Such calls of an undisturbed run in their order, in the thread that makes most of them. */
export async function callPoints(
  args: readonly string[],
  calls: string,
  options: RunOptions = {},
): Promise<CallPoint[]> {
  const byThread = Map.groupBy(await traced(args, calls, options), ({ thread }) => thread);
  const [longest = []] = [...byThread.values()].toSorted((a, b) => b.length - a.length);
  const counts = new Map<string, number>();
  return longest.map(({ call }) => {
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    return { calls: call, nth };
  });
}

async function traced(
  args: readonly string[],
  calls: string,
  options: RunOptions,
): Promise<{ readonly thread: string; readonly call: string }[]> {
  const trace = join(temporaryDirectory('strace'), 'trace');
  const result = await runUnderStrace(['-o', trace, '-e', `trace=${calls}`], args, options);
  if (result.exitCode !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`);
  const pattern = new RegExp(String.raw`^(\d+) +(${calls.replaceAll(',', '|')})\(`, 'gm');
  return [...readFileSync(trace, 'utf8').matchAll(pattern)].map(([, thread = '', call = '']) => ({
    thread,
    call,
  }));
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
