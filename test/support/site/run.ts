/** Runs a real program as the unprivileged account and reports its output and how it ended. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { onExit } from './on-exit.ts';
import { unprivilegedIds } from './unprivileged.ts';

/** Over another one: undefined takes a variable out. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunOptions {
  /** The whole environment; default is `bareEnvironment`. */
  readonly env?: Environment;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
  /** Default `unprivileged`: when root, drop to that account. */
  readonly as?: 'unprivileged' | 'self';
  /** Sees the process as soon as it runs, to send it a signal for example. */
  readonly onStart?: (child: { readonly pid: number; kill(signal: NodeJS.Signals): void }) => void;
}

export interface RunResult {
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The kernel's high-water mark, read every 10 ms; 0 when the process was gone before the first look. */
  readonly maxResidentBytes: number;
  readonly elapsedMs: number;
}

/** Without an agent, unless a test is about one (`agentPlace`): it would answer some of what the test asks itself. */
export const bareEnvironment = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C.UTF-8',
  WALVAULT_AGENT_MODE: 'off',
} as const;

/** Never rejects for a failing program; rejects when it cannot be started or ran past `timeoutMs` (default 60 s). */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd: options.cwd ?? '/',
    env: { ...(options.env ?? bareEnvironment) },
    stdio: 'pipe',
    ...(options.as === 'self' ? {} : unprivilegedIds()),
  });
  const disarm = onExit(() => child.kill('SIGKILL'));
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  let maxResidentBytes = 0;
  let isTimedOut = false;
  const poll = setInterval(() => {
    if (child.pid !== undefined) maxResidentBytes = Math.max(maxResidentBytes, residentHighWater(child.pid));
  }, 10);
  const limit = setTimeout(() => {
    isTimedOut = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  if (child.pid !== undefined) options.onStart?.({ pid: child.pid, kill: signal => void child.kill(signal) });
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearInterval(poll);
      clearTimeout(limit);
      disarm();
    };
    child.once('error', error => {
      settle();
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      settle();
      const stdoutBytes = Buffer.concat(stdout);
      const errors = Buffer.concat(stderr).toString('utf8');
      if (isTimedOut) {
        reject(new Error(`${program} ${args.join(' ')} ran past ${timeoutMs} ms; stderr: ${errors}`));
        return;
      }
      resolve({
        stdout: stdoutBytes.toString('utf8'),
        stdoutBytes,
        stderr: errors,
        exitCode,
        signal,
        maxResidentBytes,
        elapsedMs: performance.now() - startedAt,
      });
    });
  });
}

/** As `run`, but a status other than 0 is an error that carries the program's own words. */
export async function runOk(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await run(program, args, options);
  if (result.exitCode !== 0) {
    const end = result.signal ?? `status ${result.exitCode}`;
    throw new Error(`${program} ${args.join(' ')}: ${end}\n${result.stdout}${result.stderr}`);
  }
  return result;
}

function residentHighWater(pid: number): number {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match === null ? 0 : Number(match[1]) * 1024;
  } catch {
    return 0;
  }
}
