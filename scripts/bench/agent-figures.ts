/** What the resident agent takes from the machine that it lives on. */
import { formatSize } from '../../src/base/units.ts';
import type { IdleFigures } from './agent-process.ts';
import type { Drained } from './drain.ts';
import type { Drainer } from './drainers.ts';
import type { Figure } from './figure.ts';

const mebibyte = 1024 ** 2;

/** The most that it was in any round, for each kind of repository. */
export function memoryFigures(drained: ReadonlyMap<Drainer, readonly Drained[]>): Figure[] {
  const mostBytes = new Map<string, number>();
  for (const [{ store }, rounds] of drained)
    for (const { agentBytes } of rounds)
      if (agentBytes !== undefined) mostBytes.set(store, Math.max(mostBytes.get(store) ?? 0, agentBytes));
  return [...mostBytes].map(([store, bytes]) => ({
    what: `agent's memory, draining to ${store} with 4 jobs`,
    measured: formatSize(bytes),
    value: { number: bytes / mebibyte, unit: 'MiB', limit: { atMost: 220 } },
  }));
}

export function idleFigures({ residentBytes, cpuShare, wakeUpsPerSecond }: IdleFigures): Figure[] {
  return [
    {
      what: "agent's memory, idle",
      measured: formatSize(residentBytes),
      value: { number: residentBytes / mebibyte, unit: 'MiB', limit: { atMost: 90 } },
    },
    {
      what: 'agent, idle: wake-ups of all its threads',
      measured: `${(cpuShare * 100).toFixed(2)} % of a processor`,
      value: { number: wakeUpsPerSecond, unit: 'a second', limit: { atMost: 1 } },
    },
  ];
}
