/** The cost of a command: its time, and the processor time of the command and the processes that it starts. */
import { spawnSync } from 'node:child_process';
import { bareEnvironment, type Environment } from '../../test/support/site/run.ts';
import { unprivilegedIds } from '../../test/support/site/unprivileged.ts';

export interface Cost {
  readonly wallMs: number;
  /** User and system time. */
  readonly cpuMs: number;
}

export interface Command {
  readonly script: string;
  readonly cwd: string;
  readonly env: Environment;
  /** How often in a row, for one cost of one of them; default once. */
  readonly times?: number;
}

/** None of them takes more than a second or two. */
const limitSeconds = 120;

/**
 * Runs it by bash, whose `time` counts a pipeline's processes as well.
 * @throws Error with its words when it fails or does not end
 */
export function costOf({ script, cwd, env, times = 1 }: Command): Cost {
  const timed = `set -o pipefail; TIMEFORMAT='%3R %3U %3S'; time for ((n = 0; n < ${times}; n++)); do ${script} || exit; done`;
  const { status, stderr } = spawnSync(
    'timeout',
    ['--signal=KILL', String(limitSeconds), '/bin/bash', '-c', timed],
    {
      cwd,
      env: { ...bareEnvironment, ...env },
      encoding: 'utf8',
      ...unprivilegedIds(),
    },
  );
  const [wall, user, system] = (stderr.trimEnd().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (status !== 0 || wall === undefined || user === undefined || system === undefined)
    throw new Error(`status ${status}: ${script}\n${stderr}`);
  return { wallMs: (wall * 1000) / times, cpuMs: ((user + system) * 1000) / times };
}

/** Of each figure by itself. */
export function medianCost(costs: readonly Cost[]): Cost {
  return { wallMs: median(costs.map(cost => cost.wallMs)), cpuMs: median(costs.map(cost => cost.cpuMs)) };
}

/** The first and the third quartile, each a value that was measured. */
export function quartiles(values: readonly number[]): [number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? NaN;
  return [at(0.25), at(0.75)];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const [low = 0, high = 0] = sorted.length % 2 === 0 ? sorted.slice(half - 1) : sorted.slice(half);
  return sorted.length % 2 === 0 ? (low + high) / 2 : low;
}
