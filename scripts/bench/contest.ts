/** A command of walvault's and one of pgBackRest's that do the same, in turn. */
import { spawnSync } from 'node:child_process';
import { formatSize } from '../../src/base/units.ts';
import type { Environment } from '../../test/support/site/run.ts';
import { costOf, median, quartiles, type Cost } from './command.ts';
import type { Figure } from './figure.ts';

const mebibyte = 1024 ** 2;
const mostResidentMiB = 400;

export interface Contest {
  readonly what: string;
  /** Scripts for a shell. */
  readonly own: string;
  readonly theirs: string;
  readonly cwd: string;
  readonly env: Environment;
  readonly rounds: number;
  /** Makes room for the next run of either. */
  readonly prepare: () => void;
  /** Runs walvault's once more for the memory that it takes. */
  readonly residentBytes: () => Promise<number>;
  /** The most that the ratio of times may be. */
  readonly limit: number;
}

export async function contestFigures(contest: Contest): Promise<Figure[]> {
  const { what, cwd, env, rounds, prepare, limit } = contest;
  const own: Cost[] = [];
  const theirs: Cost[] = [];
  const timed = (script: string, costs: Cost[]) => {
    prepare();
    // What earlier work left to be written out must not be paid by the next.
    spawnSync('sync');
    costs.push(costOf({ script, cwd, env }));
  };
  for (let round = 0; round < rounds; round++) {
    timed(contest.own, own);
    timed(contest.theirs, theirs);
    console.log(`${what}: walvault ${shown(own.at(-1))}, pgBackRest ${shown(theirs.at(-1))}`);
  }
  prepare();
  const residentBytes = await contest.residentBytes();
  const ratios = (of: keyof Cost) => own.map((cost, round) => cost[of] / (theirs[round]?.[of] ?? NaN));
  const row = (of: keyof Cost, name: string, atMost?: number): Figure => ({
    what: `${what}, ${name}`,
    measured: `${seconds(own, of)} s (${quartiles(ratios(of))
      .map(ratio => ratio.toFixed(2))
      .join('–')} of pgBackRest's)`,
    beside: `pgBackRest, 2 processes: ${seconds(theirs, of)} s`,
    value: { number: median(ratios(of)), ...(atMost !== undefined && { limit: { atMost } }) },
  });
  return [
    row('wallMs', 'time', limit),
    row('cpuMs', 'CPU'),
    {
      what: `${what}, memory`,
      measured: formatSize(residentBytes),
      value: { number: residentBytes / mebibyte, unit: 'MiB', limit: { atMost: mostResidentMiB } },
    },
  ];
}

function seconds(costs: readonly Cost[], of: keyof Cost): string {
  return (median(costs.map(cost => cost[of])) / 1000).toFixed(1);
}

function shown(cost: Cost | undefined): string {
  return cost === undefined
    ? ''
    : `${(cost.wallMs / 1000).toFixed(1)} s (CPU ${(cost.cpuMs / 1000).toFixed(1)} s)`;
}
