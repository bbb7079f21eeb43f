/**
 * Starts an agent that outlives this process, in a session of its own, with nothing inherited, where it can do no harm.
 * PostgreSQL leaves descriptors open in an archive_command, the pipe of its log collector among them, and the collector
 * does not end while any process holds that pipe.
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
import { ownExecutable } from '../../base/own-executable.ts';
import { describeSystemCode, systemCode } from '../../base/errors/errors.ts';
import { inspectDirectory, type AgentAddress } from './address.ts';
import { serverUserId } from '../../postgres/cluster/postmaster-pid.ts';
import { isAlive } from './is-alive.ts';
import { whyOrphansDoHarm } from './orphanage.ts';

/** At most one attempt in this time: an agent that cannot start must not cost every push a process. */
const attemptEveryMs = 30_000;

/** A push without an agent rarely takes longer than this. */
const youngMs = 3000;

/** `O_CLOEXEC` as /proc shows it (asm-generic/fcntl.h), octal. */
const closeOnExec = 0o2_000_000;

export type StartOutcome =
  'started' | 'not-now' | { readonly problem: string; readonly hint?: string | undefined };

/**
 * Starts an agent and does not wait for it. `not-now`: one is being started, or was a moment ago. A problem is for
 * people to read; the push goes on without an agent.
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
      // Another push's agent began to listen while this push worked.
      rmSync(attemptPath(address), { force: true });
      return 'not-now';
    }
    const { configPath, dataDirectory } = address;
    const args = ['--config', configPath, 'agent', '--for', dataDirectory, '--parent', String(process.pid)];
    const pid = spawnDetached([...ownProgram(), ...args], env);
    writeFileSync(attemptPath(address), String(pid ?? ''), { mode: 0o600 });
    return 'started';
  } catch (error) {
    return {
      problem: `${address.directory}: ${describeSystemCode(systemCode(error) ?? String(error))}`,
      hint: 'Name a directory that this user may write to in WALVAULT_AGENT_DIRECTORY, or set agent.mode = "off".',
    };
  }
}

/** The file that marks an attempt: the starting process makes it, the agent removes it once it listens. */
export function attemptPath({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>): string {
  return join(directory, `${key}.starting`);
}

/**
 * True if a server of this user runs in the directory. A push by hand beside a stopped server, or by root, needs no
 * agent.
 */
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

/** Claims the attempt: of several pushes at once, only one may start an agent. */
export function claimAttempt(address: Pick<AgentAddress, 'directory' | 'key'>): boolean {
  const path = attemptPath(address);
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  if (isUnderWay(address)) return false;
  // A new file has the time of now. Two pushes that come here at once start two agents, of which one leaves.
  rmSync(path, { force: true });
  writeFileSync(path, '', { mode: 0o600 });
  return true;
}

/**
 * True for an attempt that is being made or has just failed. An attempt whose process was killed may be repeated at
 * once.
 */
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

/** True for a socket whose agent has only just begun to listen. */
export function isYoung(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && ageMs(found.ctimeMs) < youngMs;
}

/** The command that runs this program: in a checkout, Node with a script. */
function ownProgram(): string[] {
  return isSea() ? [ownExecutable()] : [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
}

/**
 * Allocator settings (mallopt(3)) that give large buffers back to the system at once. By default glibc keeps memory
 * that threads have freed, up to twice the memory in use.
 */
const thriftyAllocator = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  // Large pages, where the kernel has them (madvise): 16 MiB in small pages take longer to allocate than to decode.
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

/** Descriptors above 2 that a program started from here would inherit. */
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
    // The descriptor that reads the directory.
    return true;
  }
}

/** The file in which an agent that could not start leaves its reason for the next push. */
export function problemPath({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>): string {
  return join(directory, `${key}.problem`);
}

/** The file with the message that people saw last. */
export function saidPath({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>): string {
  return join(directory, `${key}.said`);
}

/**
 * True if `text` should be shown now: a message is shown once, and again after a different one. Where it cannot be
 * remembered, it is shown every time.
 */
export function isNews({ directory, key }: Pick<AgentAddress, 'directory' | 'key'>, text: string): boolean {
  const path = saidPath({ directory, key });
  try {
    if (readFileSync(path, 'utf8') === text) return false;
  } catch {
    // No message was shown yet.
  }
  try {
    const descriptor = openSync(path, 'w', 0o600);
    writeSync(descriptor, text);
    closeSync(descriptor);
  } catch {
    // The message will be shown again.
  }
  return true;
}
