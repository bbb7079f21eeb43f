/** The memory of PostgreSQL's archiver and of its pushes over time, as the kernel reports it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { PostgresServer } from '../servers/postgres-server.ts';

export interface ArchiverWatch {
  /** The highest resident memory in the first and in the last third of the time watched, in bytes. */
  end(): Record<'pushBytes' | 'archiverBytes', readonly [first: number, last: number]>;
}

interface Sample {
  readonly atMs: number;
  readonly pushBytes: number;
  readonly archiverBytes: number;
}

/** Seldom enough to cost nothing, often enough to meet each push a few times. */
const everyMs = 50;

export function watchArchiver(server: PostgresServer): ArchiverWatch {
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    const archivers = childrenOf(server.pid).filter(pid => /archiver/.test(commandOf(pid)));
    const started = archivers.flatMap(pid => descendantsOf(pid));
    samples.push({
      atMs: performance.now(),
      archiverBytes: Math.max(0, ...archivers.map(pid => memoryOf(pid, 'VmRSS'))),
      // The shell between them and a process that has not yet become walvault are smaller.
      pushBytes: Math.max(0, ...started.map(pid => memoryOf(pid, 'VmHWM'))),
    });
  }, everyMs);
  return {
    end() {
      clearInterval(timer);
      const [firstMs = 0, lastMs = 0] = [samples[0]?.atMs, samples.at(-1)?.atMs];
      const thirdMs = (lastMs - firstMs) / 3;
      const highest = (of: 'pushBytes' | 'archiverBytes', isMeant: (sample: Sample) => boolean) =>
        samples.filter(isMeant).reduce((most, sample) => Math.max(most, sample[of]), 0);
      const ends = (of: 'pushBytes' | 'archiverBytes') =>
        [
          highest(of, ({ atMs }) => atMs <= firstMs + thirdMs),
          highest(of, ({ atMs }) => atMs >= lastMs - thirdMs),
        ] as const;
      return { pushBytes: ends('pushBytes'), archiverBytes: ends('archiverBytes') };
    },
  };
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap(child => [child, ...descendantsOf(child)]);
}

function childrenOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(task =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return (
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
  );
}

/** Empty for a process that has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
