/**
 * `npm run bench`: what the drivers cost beside a bare request, and the memory of a long upload. Figures depend on the
 * machine, so this is never a test: docs/benchmarks.md keeps the newest ones.
 */
import { availableParallelism, cpus } from 'node:os';
import { measureClient, startServer } from './bench/processes.ts';
import { benchPush } from './bench/push.ts';
import type { BenchTask, Measured } from './bench/task.ts';

const [what, rounds] = process.argv.slice(2);
if (what === 'push') {
  await benchPush(Number(rounds ?? 12));
  process.exit();
}

const mebibyte = 1024 ** 2;
const sizeBytes = 4 * mebibyte;
const count = 100;
const runCount = 3;

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}\n`);
console.log(
  `CPU of one process for each ${sizeBytes / mebibyte} MiB, ms; ratio to a bare request of the same scheme`,
);
for (const scheme of ['http', 'https'] as const) {
  await using server = await startServer(scheme);
  for (const operation of ['put', 'get'] as const) {
    /** The cheapest of some runs: what else the machine does only ever adds. */
    const run = async (driver: BenchTask['driver']) => {
      const runs: Measured[] = [];
      for (let index = 0; index < runCount; index++)
        runs.push(await measureClient({ driver, operation, origin: server.origin, sizeBytes, count }));
      return runs.reduce((best, one) => (one.cpuMs < best.cpuMs ? one : best));
    };
    const bare = await run('bare');
    report(`${scheme} ${operation} bare`, bare, bare);
    for (const driver of ['s3', 'directory'] as const)
      if (driver === 's3' || scheme === 'http')
        report(`${scheme} ${operation} ${driver}`, await run(driver), bare);
  }
}

{
  const longBytes = 8 * 1024 * mebibyte;
  await using server = await startServer('https');
  const { maxResidentBytes, cpuMs } = await measureClient({
    driver: 's3',
    operation: 'stream',
    origin: server.origin,
    sizeBytes: longBytes,
    count: 1,
  });
  const gibibytes = longBytes / 1024 ** 3;
  console.log(
    `\nupload of a stream of ${gibibytes} GiB: at most ${Math.round(maxResidentBytes / mebibyte)} MiB resident, ${(cpuMs / 1000).toFixed(1)} s of CPU`,
  );
}

function report(what: string, { cpuMs }: Measured, bare: Measured): void {
  const each = cpuMs / count;
  console.log(`${what.padEnd(24)} ${each.toFixed(2).padStart(7)}  ×${(cpuMs / bare.cpuMs).toFixed(2)}`);
}
