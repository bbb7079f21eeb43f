/** Makes a chosen system call of the executable fail or be its last one, without a hook in the product. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bareEnvironment, run, type RunOptions, type RunResult } from '../harness/run.ts';
import { temporaryDirectory } from '../harness/temp.ts';
import { walvaultExecutable } from '../harness/walvault.ts';

export interface Injection {
  /** As strace knows it: `fsync,fdatasync`. */
  readonly calls: string;
  readonly effect: 'signal=KILL' | 'error=EIO' | 'error=ENOSPC';
  /** The first, second… such call of the process; default: each of them. */
  readonly nth?: number;
}

/** @throws Error when strace is not there: a test that needs it must not pass by not running */
export function requireStrace(): void {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
  } catch {
    throw new Error('strace is not installed: this test injects faults with it (apt-get install strace)');
  }
}

/** Runs the executable with the fault. One thread does all file operations, so that calls can be counted. */
export async function runWithFault(
  args: readonly string[],
  injection: Injection,
  options: RunOptions = {},
): Promise<RunResult> {
  requireStrace();
  const { calls, effect, nth } = injection;
  const when = nth === undefined ? '' : `:when=${nth}`;
  const tracing = ['-f', '-qq', '-o', join(temporaryDirectory('strace'), 'trace'), '-e', `trace=${calls}`];
  return run(
    'strace',
    [...tracing, '-e', `inject=${calls}:${effect}${when}`, walvaultExecutable(), ...args],
    {
      ...options,
      env: { ...bareEnvironment, ...options.env, UV_THREADPOOL_SIZE: '1' },
    },
  );
}
