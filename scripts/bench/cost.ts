/** The processor time of a client for each put and get, beside a bare request of the same bytes to the same server. */
import { measureClient, startServer } from './processes.ts';
import { clouds, type BenchTask } from './task.ts';

const mebibyte = 1024 ** 2;
const sizeBytes = 4 * mebibyte;
const count = 60;
const rounds = 5;

export async function measureCost(): Promise<void> {
  console.log(`\nCPU of one process for each ${sizeBytes / mebibyte} MiB, ms; ratio to a bare request`);
  for (const scheme of ['http', 'https'] as const) {
    await using server = await startServer(scheme, sizeBytes);
    const drivers = ['bare', ...clouds, ...(scheme === 'http' ? (['directory'] as const) : [])] as const;
    for (const operation of ['put', 'get'] as const) {
      const cheapest = await cheapestOf(drivers, { operation, origin: server.origin, sizeBytes, count });
      for (const [driver, ms] of cheapest) {
        const ratio = ms / (cheapest.get('bare') ?? ms);
        console.log(
          `${`${scheme} ${operation} ${driver}`.padEnd(20)} ${ms.toFixed(2).padStart(7)}  ×${ratio.toFixed(2)}`,
        );
      }
    }
  }
}

/** One after the other, round by round, the cheapest of each: what else the machine does only ever adds. */
async function cheapestOf(
  drivers: readonly BenchTask['driver'][],
  task: Omit<BenchTask, 'driver'>,
): Promise<Map<BenchTask['driver'], number>> {
  const cheapest = new Map<BenchTask['driver'], number>();
  for (let round = 0; round < rounds; round++)
    for (const driver of drivers) {
      const { cpuMs } = await measureClient({ ...task, driver });
      cheapest.set(driver, Math.min(cheapest.get(driver) ?? Infinity, cpuMs / task.count));
    }
  return cheapest;
}
