/**
 * `npm run bench -- push [rounds]`: what a push and a fetch by the built executable cost beside an empty program and
 * beside `zstd -1 | gpg`. Rounds alternate all rows, so that what else the machine does meets them all; medians count.
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { costOf, median, medianCost, type Cost } from './command.ts';
import { openPushBench } from './push-bench.ts';
import { rowsOf, type Row } from './push-rows.ts';

const warmUpRounds = 1;

export async function benchPush(rounds: number): Promise<void> {
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
  console.log(
    `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}; medians of ${rounds} rounds\n`,
  );
  console.log('| | CPU ms | wall ms | ratio | to | limit | |');
  console.log('|---|---|---|---|---|---|---|');
  for (const row of rows) console.log(lineOf(row, costs));
}

function lineOf({ name, limit }: Row, costs: ReadonlyMap<string, readonly Cost[]>): string {
  const own = costs.get(name) ?? [];
  const { cpuMs, wallMs } = medianCost(own);
  const figures = `| ${name} | ${cpuMs.toFixed(0)} | ${wallMs.toFixed(0)} |`;
  if (limit === undefined) return `${figures} | | | |`;
  const { of, figure, atMost } = limit;
  // Round by round: what disturbs one of the two disturbs the other as well.
  const ratio = median(own.map((cost, round) => cost[figure] / (costs.get(of)?.[round]?.[figure] ?? NaN)));
  return `${figures} ${ratio.toFixed(2)} | ${of} | ${atMost} | ${ratio <= atMost ? 'reached' : 'missed'} |`;
}
