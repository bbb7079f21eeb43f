/** The figures of the drains of all rounds, beside their limits. */
import { formatSize } from '../../src/base/units.ts';
import type { IdleFigures } from './agent-process.ts';
import { median } from './command.ts';
import type { Drained } from './drain-once.ts';
import type { Drainer, DrainStore } from './drainers.ts';
import type { Figure, Limit } from './figure.ts';

export type Drains = ReadonlyMap<Drainer, Drained[]>;

const mebibyte = 1024 ** 2;

/** Of pgBackRest nothing is asked. */
const limits: Readonly<Record<Drainer['name'], { besideZstd?: Limit; besidePeer?: Limit }>> = {
  'archive.batch on': { besideZstd: { atLeast: 0.9 }, besidePeer: { atMost: 0.95 } },
  'archive.batch off': { besideZstd: { atLeast: 0.55 }, besidePeer: { atMost: 1.15 } },
  pgBackRest: {},
};

export function drainFigures(store: DrainStore, drains: Drains): Figure[] {
  const here = [...drains].filter(([drainer]) => drainer.store === store);
  const peer = here.find(([{ name }]) => name === 'pgBackRest')?.[1];
  const own = here.filter(([{ name }]) => name !== 'pgBackRest');
  return [
    ...here.map(([drainer, rounds]) => besideZstd(drainer, rounds)),
    ...(peer ? own.map(([drainer, rounds]) => besidePeer(drainer, rounds, peer)) : []),
    memoryFigure(store, own),
  ];
}

function besideZstd({ name, store }: Drainer, rounds: readonly Drained[]): Figure {
  const limit = limits[name].besideZstd;
  const serverCpuMs = median(rounds.map(drained => drained.serverCpuMs ?? 0));
  const server = store.serverCpuMs ? `, the server's own CPU ${serverCpuMs.toFixed(1)} ms a segment` : '';
  return {
    what: `draining to ${store.name}, ${name}`,
    measured: `${rateOf(rounds.map(({ perSecond }) => perSecond))}${server}`,
    beside: `zstd -1 --check: ${rateOf(rounds.map(({ zstdPerSecond }) => zstdPerSecond))}`,
    value: { number: median(rounds.map(ratioToZstd)), ...(limit && { limit }) },
  };
}

/** Of the times of each round: what disturbs one disturbs the next as well. */
function besidePeer({ name, store }: Drainer, rounds: readonly Drained[], peer: readonly Drained[]): Figure {
  const limit = limits[name].besidePeer;
  const ratios = rounds.map(({ perSecond }, round) => (peer[round]?.perSecond ?? NaN) / perSecond);
  return {
    what: `time to drain to ${store.name}, ${name}`,
    measured: rateOf(rounds.map(({ perSecond }) => perSecond)),
    beside: `pgBackRest, asynchronous: ${rateOf(peer.map(({ perSecond }) => perSecond))}`,
    value: { number: median(ratios), ...(limit && { limit }) },
  };
}

/** The most that it was in any round. */
function memoryFigure(store: DrainStore, own: readonly (readonly [Drainer, readonly Drained[]])[]): Figure {
  const bytes = Math.max(...own.flatMap(([, rounds]) => rounds.map(({ agentBytes }) => agentBytes ?? 0)));
  return {
    what: `agent's memory, draining to ${store.name} with 4 jobs`,
    measured: formatSize(bytes),
    value: { number: bytes / mebibyte, unit: 'MiB', limit: { atMost: 240 } },
  };
}

export function idleFigures({ residentBytes, cpuShare, wakeUpsPerSecond }: IdleFigures): Figure[] {
  return [
    {
      what: "agent's memory, idle",
      measured: formatSize(residentBytes),
      value: { number: residentBytes / mebibyte, unit: 'MiB', limit: { atMost: 90 } },
    },
    {
      what: 'agent, idle: how often any of its threads wakes up',
      measured: `${(cpuShare * 100).toFixed(2)} % of a processor`,
      value: { number: wakeUpsPerSecond, unit: 'a second', limit: { atMost: 1 } },
    },
  ];
}

export function progressOf({ name, store }: Drainer, drained: Drained): string {
  const { perSecond, zstdPerSecond, asked, agentBytes, serverCpuMs } = drained;
  const more = [
    `${asked} asked for`,
    ...(agentBytes === undefined ? [] : [`agent ${formatSize(agentBytes)}`]),
    ...(serverCpuMs === undefined ? [] : [`server ${serverCpuMs.toFixed(1)} ms CPU a segment`]),
  ];
  return `${store.name}, ${name}: ${perSecond.toFixed(1)} segments/s, zstd ${zstdPerSecond.toFixed(1)}, ratio ${ratioToZstd(drained).toFixed(2)} (${more.join(', ')})`;
}

function ratioToZstd({ perSecond, zstdPerSecond }: Drained): number {
  return perSecond / zstdPerSecond;
}

function rateOf(perSecond: readonly number[]): string {
  return `${median(perSecond).toFixed(1)} segments/s`;
}
