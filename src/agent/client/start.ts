/**
 * Starts an agent that outlives this process: a session of its own, nothing inherited, and only where it can do no
 * harm. PostgreSQL leaves descriptors of its own open in what archive_command starts, the pipe of its log collector
 * among them, and a collector does not end while anybody holds that.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { ageMs } from '../../base/time/clock.ts';
import { describeSystemCode, systemCode } from '../../base/errors/errors.ts';
import { inspectDirectory, type AgentAddress } from './address.ts';
import { serverUserId } from '../../postgres/cluster/postmaster-pid.ts';
import { isAlive } from './is-alive.ts';
import { whyOrphansDoHarm } from './orphanage.ts';

/** One attempt in this time: an agent that cannot start must not cost every push a process. */
const attemptEveryMs = 30_000;

/** A push without an agent takes no longer than this, mostly. */
const youngMs = 3000;

/** `O_CLOEXEC` as /proc shows it (asm-generic/fcntl.h), octal. */
const closeOnExec = 0o2_000_000;

export type StartOutcome =
  'started' | 'not-now' | { readonly problem: string; readonly hint?: string | undefined };

/**
 * Does not wait for the agent. `not-now`: somebody is starting one, or it was tried a moment ago. Problems are for
 * people; the push that meets one goes on without an agent.
 */
export function startAgent(address: AgentAddress, env: NodeJS.ProcessEnv): StartOutcome {
  if (!isServersHost(address.dataDirectory)) return 'not-now';
  try {
    const state = makeDirectory(address.directory);
    if (state !== 'ours') return state;
    const orphanage = whyOrphansDoHarm();
    if (orphanage !== undefined) return orphanage;
    if (!claimAttempt(address)) return 'not-now';
    if (isYoung(address.socketPath)) {
      // Another push's agent began to listen while this one was at work.
      rmSync(attemptPath(address), { force: true });
      return 'not-now';
    }
    const { configPath, dataDirectory } = address;
    const args = ['--config', configPath, 'agent', '--for', dataDirectory, '--parent', String(process.pid)];
    const pid = spawnDetached([...ownProgram(), ...args], env);
    writeFileSync(attemptPath(address), String(pid ?? ''), { mode: 0o600 });
    return 'started';
  } catch (error) {
    return { problem: describeSystemCode(systemCode(error) ?? String(error)) };
  }
}

/** Made by whoever starts an agent, removed by the agent once it listens. */
export function attemptPath({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>): string {
  return join(directory, `${key}.starting`);
}

/** A running server of this very user: a push by hand beside a stopped one, or by root, needs no agent. */
function isServersHost(dataDirectory: string): boolean {
  try {
    return serverUserId(dataDirectory) === process.getuid?.();
  } catch {
    return false;
  }
}

function makeDirectory(directory: string): 'ours' | { readonly problem: string; readonly hint: string } {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const state = inspectDirectory(directory);
  if (state === 'ours') return state;
  return {
    problem: state === 'absent' ? `${directory} went away` : state.problem,
    hint: `Remove ${directory}, or name another directory in WALVAULT_AGENT_DIRECTORY.`,
  };
}

/** Of several pushes at once only one may start an agent. */
export function claimAttempt(address: Pick<AgentAddress, 'directory' | 'key'>): boolean {
  const path = attemptPath(address);
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  if (isUnderWay(address)) return false;
  // Written anew so that its time is now; two that come here at once start two, of which one leaves.
  rmSync(path, { force: true });
  writeFileSync(path, '', { mode: 0o600 });
  return true;
}

/** An attempt that is being made, or that failed a moment ago. One that was killed may be made again at once. */
function isUnderWay(address: Pick<AgentAddress, 'directory' | 'key'>): boolean {
  try {
    const path = attemptPath(address);
    const attemptMs = ageMs(statSync(path).mtimeMs);
    if (attemptMs >= attemptEveryMs) return false;
    const pid = Number(readFileSync(path, 'latin1'));
    if (pid === 0) return attemptMs < youngMs;
    return isAlive(pid) || existsSync(problemPath(address));
  } catch {
    // The agent has begun to listen and removed it.
    return true;
  }
}

/** Of a socket: whoever listens there has only just begun. */
export function isYoung(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && ageMs(found.ctimeMs) < youngMs;
}

/** From a checkout the program is Node with a script. */
function ownProgram(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
}

/**
 * mallopt(3): large buffers go back to the system at once. By default glibc keeps what threads have freed, up to twice
 * of what is in use at any time.
 */
const thriftyAllocator = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  // In large pages, where the kernel has them (madvise): 16 MiB in small ones take longer to be made than to be decoded.
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
};

function spawnDetached(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): number | undefined {
  const inherited = inheritedDescriptors();
  const nothing = openSync('/dev/null', 'r+');
  const stdio: ('ignore' | number)[] = ['ignore', 'ignore', 'ignore'];
  for (const descriptor of inherited) {
    while (stdio.length <= descriptor) stdio.push('ignore');
    stdio[descriptor] = nothing;
  }
  const child = spawn(program, args, { detached: true, stdio, env: { ...thriftyAllocator, ...env } });
  child.on('error', () => undefined);
  child.unref();
  closeSync(nothing);
  return child.pid;
}

/** Above 2, those that a program started from here would have too. */
function inheritedDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter(descriptor => descriptor > 2 && !closesOnExec(descriptor));
}

function closesOnExec(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & closeOnExec) !== 0;
  } catch {
    // The one by which the directory was read.
    return true;
  }
}

/** What an agent that could not start says to the next push. */
export function problemPath({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>): string {
  return join(directory, `${key}.problem`);
}

/** What was said to people last. */
export function saidPath({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>): string {
  return join(directory, `${key}.said`);
}

/**
 * Whether this is to be said now: the same thing is said once, and again after something else was.
 * Without a place to remember it, it is said every time.
 */
export function isNews({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>, text: string): boolean {
  const path = saidPath({ directory, key });
  try {
    if (readFileSync(path, 'utf8') === text) return false;
  } catch {
    // Nothing was said yet.
  }
  try {
    const descriptor = openSync(path, 'w', 0o600);
    writeSync(descriptor, text);
    closeSync(descriptor);
  } catch {
    // Then it is said again.
  }
  return true;
}
