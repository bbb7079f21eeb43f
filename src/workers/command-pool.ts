/** The threads of a command that works on parts of a backup side by side. */
import { availableParallelism } from 'node:os';
import type { Config } from '../config/index.ts';
import type { Jobs } from './job-table.ts';
import { WorkerPool, type WorkerPoolOptions } from './pool.ts';
import { startWorker } from './start-worker.ts';

const mostByDefault = 8;

/** How many parts side by side: as configured, or one for each processor. */
export function partsAtOnce(configured: number | undefined): number {
  return configured ?? Math.min(availableParallelism(), mostByDefault);
}

/** @param told of each secret that a thread reads, and of what the threads send and receive */
export function openCommandPool(
  config: Config,
  maxWorkers: number,
  told: Pick<WorkerPoolOptions, 'onSecret' | 'onTraffic'>,
): WorkerPool<Jobs> {
  return new WorkerPool({ ...told, maxWorkers, start: () => startWorker(config, maxWorkers) });
}
