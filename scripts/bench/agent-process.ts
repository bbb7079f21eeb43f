/** The memory and processor time of a resident agent, as Linux reports them. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentPlace } from '../../test/support/site/agents.ts';
import { until } from '../../test/support/site/site.ts';

/** Its threads end after 15 seconds. */
const untilIdleMs = 17_000;
const idleMs = 20_000;
/** USER_HZ of Linux on every architecture that Node runs on. */
const msPerTick = 10;

export interface IdleFigures {
  readonly residentBytes: number;
  /** Part of one processor. */
  readonly cpuShare: number;
  readonly wakeUpsPerSecond: number;
}

/** @throws Error unless exactly one agent is there */
export function onlyAgent(place: AgentPlace): number {
  const pids = place.pids();
  const [pid] = pids;
  if (pid === undefined || pids.length > 1) throw new Error(`${pids.length} agents instead of one`);
  return pid;
}

/** `VmHWM` is the most that it ever was. */
export function residentBytes(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) * 1024;
}

/** Waits until its threads have gone, and then looks for 20 seconds what it does without work. */
export async function watchIdle(pid: number): Promise<IdleFigures> {
  await delay(untilIdleMs);
  const before = { cpuMs: cpuMs(pid), wakeUps: wakeUps(pid), at: performance.now() };
  await delay(idleMs);
  const elapsedMs = performance.now() - before.at;
  return {
    residentBytes: residentBytes(pid, 'VmRSS'),
    cpuShare: (cpuMs(pid) - before.cpuMs) / elapsedMs,
    wakeUpsPerSecond: ((wakeUps(pid) - before.wakeUps) / elapsedMs) * 1000,
  };
}

/** Ends the place's agents and waits until they have gone. */
export async function endAgents(place: AgentPlace): Promise<void> {
  for (const pid of place.pids()) process.kill(pid, 'SIGTERM');
  await until('the agents have left', () => place.pids().length === 0, 15_000);
}

/** utime and stime, the 14th and 15th field; the second may hold spaces, and ends with the last parenthesis (proc(5)). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

/** How often any of its threads has gone to sleep by itself, which it does once after each time it was woken. */
function wakeUps(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map(task => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))
    .map(status => Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]))
    .reduce((total, count) => total + count, 0);
}
