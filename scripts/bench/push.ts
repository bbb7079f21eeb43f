/**
 * `npm run bench -- push`: the cost of a push and a fetch by the built executable, beside an empty program and
 * beside `zstd -1 | gpg`. Each round runs all rows in turn, so that other load affects all of them; medians count.
 */
import { costOf, median, medianCost, type Cost } from './command.ts';
import type { Figure } from './figure.ts';
import { openPushBench } from './push-bench.ts';
import { rowsOf, type Against, type Row } from './push-rows.ts';

type Costs = ReadonlyMap<string, readonly Cost[]>;

const warmUpRounds = 1;

export async function benchPush(rounds: number): Promise<Figure[]> {
  await using bench = await openPushBench();
  const rows = rowsOf(bench);
  const costs = new Map<string, Cost[]>(rows.map(({ name }) => [name, []]));
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    for (const { name, command, before } of rows) {
      await before?.();
      const cost = costOf(command);
      if (round >= warmUpRounds) costs.get(name)?.push(cost);
    }
  }
  // Once more, because it looks at what came before.
  await bench.warm.warmUp();
  if (bench.storedPeer === undefined) console.log('pgbackrest is not installed: its push is left out');
  return rows.map(row => figureOf(row, costs));
}

function figureOf({ name, against }: Row, costs: Costs): Figure {
  const { cpuMs, wallMs } = medianCost(costs.get(name) ?? []);
  const measured = `${cpuMs.toFixed(0)} ms CPU, ${wallMs.toFixed(0)} ms wall`;
  return { what: name, measured, ...(against && comparison(name, against, costs)) };
}

function comparison(name: string, { row, figure, limit }: Against, costs: Costs) {
  const own = costs.get(name) ?? [];
  const others = costs.get(row) ?? [];
  // Round by round: what disturbs one of the two disturbs the other as well.
  const number = median(own.map((cost, round) => cost[figure] / (others[round]?.[figure] ?? NaN)));
  return {
    beside: `${row}: ${median(others.map(cost => cost[figure])).toFixed(0)} ms ${figure === 'cpuMs' ? 'CPU' : 'wall'}`,
    value: { number, ...(limit && { limit }) },
  };
}
