/**
 * `npm run bench:compare -- EARLIER [--rounds N] [--segments N]`: pushes, fetches and drains by this executable and by an
 * earlier one, in turn, with the earlier one a second time in each round: what that differs from itself is the noise.
 */
import { parseArgs } from 'node:util';
import { createSite } from '../../test/support/site/site.ts';
import { installExecutable } from '../../test/support/site/walvault.ts';
import { makeBacklog } from './backlog.ts';
import { costOf, median } from './command.ts';
import { drain } from './drain-once.ts';
import { walvaultDrainer, type DrainStore } from './drainers.ts';
import { openPushBench } from './push-bench.ts';
import { rowsOf } from './push-rows.ts';
import { forgetFiles } from './repository-files.ts';
import { startS3Site } from './s3-site.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '10' }, segments: { type: 'string', default: '40' } },
});
const [earlier] = positionals;
if (earlier === undefined) throw new Error('npm run bench:compare -- EARLIER_EXECUTABLE');
const rounds = Number(values.rounds);
installExecutable();
const present = process.env['WALVAULT_TEST_EXECUTABLE'] ?? '';

const sides = ['earlier', 'present', 'earlier again'] as const;
type Side = (typeof sides)[number];
const use = (side: Side) => {
  process.env['WALVAULT_TEST_EXECUTABLE'] = side === 'present' ? present : earlier;
};

/** Row to side to one figure a round; smaller is better. */
const figures = new Map<string, Map<Side, number[]>>();
function note(row: string, side: Side, figure: number): void {
  const bySide = figures.get(row) ?? new Map<Side, number[]>();
  figures.set(row, bySide.set(side, [...(bySide.get(side) ?? []), figure]));
}

async function comparePushes(): Promise<void> {
  const benches = new Map<Side, Awaited<ReturnType<typeof openPushBench>>>();
  for (const side of sides) {
    use(side);
    benches.set(side, await openPushBench());
  }
  for (let round = 0; round <= rounds; round++)
    for (const [side, bench] of benches)
      for (const { name, command, before } of rowsOf(bench).filter(
        ({ name }) => !/pgBackRest|zstd/.test(name),
      )) {
        await before?.();
        const { cpuMs, wallMs } = costOf(command);
        // The first round warms up.
        if (round === 0) continue;
        note(`${name}, CPU`, side, cpuMs);
        note(`${name}, wall`, side, wallMs);
      }
  for (const bench of benches.values()) await bench[Symbol.asyncDispose]();
}

async function compareDrains(): Promise<void> {
  // A configuration that both can read.
  use('earlier');
  const backlog = await makeBacklog(Number(values.segments));
  const site = await createSite();
  await using s3 = await startS3Site('lean');
  const directory: DrainStore = {
    name: 'a directory',
    site,
    forget: async () => forgetFiles(site.repositoryPath),
  };
  for (let round = 0; round < rounds; round++)
    for (const side of sides)
      for (const store of [directory, { name: 'S3 over TLS', ...s3 }])
        for (const batch of ['on', 'off'] as const) {
          use(side);
          const { perSecond } = await drain(backlog, walvaultDrainer(store, batch));
          note(`draining to ${store.name}, archive.batch ${batch}, time`, side, 1000 / perSecond);
        }
}

function ratios(row: ReadonlyMap<Side, readonly number[]>, side: Side): number[] {
  const own = row.get(side) ?? [];
  const reference = row.get('earlier') ?? [];
  return own.map((figure, round) => figure / (reference[round] ?? NaN));
}

function print(): void {
  console.log('| row | earlier, ms | present ÷ earlier | earlier again ÷ earlier |\n|---|---|---|---|');
  for (const [name, row] of figures) {
    const cell = (side: Side) => {
      const all = ratios(row, side).toSorted((a, b) => a - b);
      return `${median(all).toFixed(3)} (${all[0]?.toFixed(2)} to ${all.at(-1)?.toFixed(2)})`;
    };
    console.log(
      `| ${name} | ${median(row.get('earlier') ?? []).toFixed(1)} | ${cell('present')} | ${cell('earlier again')} |`,
    );
  }
}

await comparePushes();
print();
await compareDrains();
print();
