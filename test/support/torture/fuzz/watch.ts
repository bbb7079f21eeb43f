/** Starts the process of a slice and watches it: one input may take neither too long, nor too much memory, nor too much disk. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  longestCpuMs,
  longestWaitMs,
  mebibyte,
  mostHeapMebibytes,
  mostResidentBytes,
  mostWrittenBytes,
} from './limits.ts';
import type { Fault } from './run-input.ts';
import type { Report, Slice } from './slice.ts';

export interface SliceResult {
  /** The number of the input that the process was at, or would have come to. */
  readonly next: number;
  readonly residentBytes: number;
  readonly reports: readonly Extract<Report, { kind: 'fault' | 'again' }>[];
  /** The fault of which the process died, or for which it was killed, at the input `next`. */
  readonly died: Fault | undefined;
}

const childMain = resolve(import.meta.dirname, 'child-main.ts');
const everyMs = 100;
/** Opening a target reads keys and archives, before there is any input; to make an input takes time of ours, too. */
const longestOpeningMs = 60_000;

export async function runSlice(slice: Slice): Promise<SliceResult> {
  // A process that was killed could not tidy up.
  rmSync(slice.scratch, { recursive: true, force: true });
  mkdirSync(slice.scratch, { recursive: true });
  writeFileSync(slice.progressPath, '');
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${mostHeapMebibytes}`, childMain, JSON.stringify(slice)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], TMPDIR: slice.scratch, HOME: slice.scratch, LC_ALL: 'C' },
    },
  );
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
  const ended = new Promise<string>(done =>
    child.once('close', (code, signal) => done(signal ?? `exit status ${code}`)),
  );
  const killed = await watch(child, slice, ended);
  const how = await ended;
  const reports = output
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Report);
  const end = reports.find(report => report.kind === 'end');
  const faults = reports.filter(report => report.kind !== 'end');
  const isReported =
    killed === undefined && faults.some(({ kind }) => kind === 'fault') && how === 'exit status 1';
  return {
    next: end?.next ?? Math.max(slice.from, positionOf(slice)) + (isReported ? 1 : 0),
    residentBytes: end?.residentBytes ?? 0,
    reports: faults,
    died: end !== undefined || isReported ? undefined : (killed ?? crash(how, errors)),
  };
}

/** Node exits with 13 when nothing is left to do and a promise is still not settled. */
function crash(how: string, errors: string): Fault {
  if (how === 'exit status 13')
    return {
      kind: 'hang',
      message: 'it waits for what never comes',
      cause: 'a promise that is never settled',
    };
  const isHeap = errors.includes('heap out of memory');
  const said = errors.trim().split('\n').slice(0, 12).join(' | ').slice(0, 700);
  return {
    kind: isHeap ? 'memory' : 'crash',
    message: `${how}: ${said}`,
    cause: isHeap ? 'the heap is full' : `crash ${how}`,
  };
}

async function watch(child: ChildProcess, slice: Slice, ended: Promise<string>): Promise<Fault | undefined> {
  let state = '';
  let sinceMs = performance.now();
  let cpuMs = 0;
  const isOver = ended.then(() => true);
  while (!(await Promise.race([isOver, delay(everyMs, false)]))) {
    const now = usageOf(child.pid);
    if (now === undefined) continue;
    const at = stateOf(slice);
    if (at !== state) {
      state = at;
      sinceMs = performance.now();
      cpuMs = now.cpuMs;
    }
    const fault = excess(now, {
      cpuMs,
      waitMs: performance.now() - sinceMs,
      isOpening: !/^\d+$/.test(at),
      slice,
    });
    if (fault === undefined) continue;
    child.kill('SIGKILL');
    return fault;
  }
  return undefined;
}

interface Since {
  readonly cpuMs: number;
  readonly waitMs: number;
  readonly isOpening: boolean;
  readonly slice: Slice;
}

function excess(now: ProcessUsage, { cpuMs, waitMs, isOpening, slice }: Since): Fault | undefined {
  // A process that checks itself between two inputs is given the time to say so.
  if (now.residentBytes > mostResidentBytes + 64 * mebibyte)
    return {
      kind: 'memory',
      message: `${Math.round(now.residentBytes / mebibyte)} MiB resident`,
      cause: 'resident memory',
    };
  if (bytesBelow(slice.scratch) > mostWrittenBytes)
    return {
      kind: 'left behind',
      message: `${Math.round(bytesBelow(slice.scratch) / mebibyte)} MiB written`,
      cause: 'bytes without end on disk',
    };
  const usedMs = now.cpuMs - cpuMs;
  if (isOpening ? waitMs > longestOpeningMs : usedMs > longestCpuMs || waitMs > longestWaitMs)
    return {
      kind: 'hang',
      message: `no answer after ${Math.round(usedMs)} ms of work, ${Math.round(waitMs)} ms in all`,
      cause: 'no answer',
    };
  return undefined;
}

/** Empty before the first input, then its number while it is parsed, with a word after it while it is made. */
function stateOf({ progressPath }: Slice): string {
  return readFileSync(progressPath, 'utf8').trim();
}

/** Minus one before the first input. */
function positionOf(slice: Slice): number {
  return Number.parseInt(stateOf(slice) || '-1', 10);
}

interface ProcessUsage {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

const ticksPerSecond = 100;
const pageBytes = 4096;

/** Of Linux (proc_pid_stat(5)): user and system time are fields 14 and 15, resident pages field 24. */
function usageOf(pid: number | undefined): ProcessUsage | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0] = fields.slice(11, 13);
    return { cpuMs: ((user + system) * 1000) / ticksPerSecond, residentBytes: (fields[21] ?? 0) * pageBytes };
  } catch {
    // It has just ended.
    return undefined;
  }
}

function bytesBelow(directory: string): number {
  let total = 0;
  try {
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
      total += statSync(join(directory, name)).size;
  } catch {
    // A file was removed meanwhile; the next look sees the rest.
  }
  return total;
}
