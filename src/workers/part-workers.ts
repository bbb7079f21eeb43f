/** Writes the parts of a backup in worker threads. */
import { availableParallelism } from 'node:os';
import { endsWithin, orAborted } from '../base/time/wait.ts';
import type { Config } from '../config/index.ts';
import type { PartRun, PartTask, PartWriter, WrittenPart } from '../operations/backup/part/part-task.ts';
import type { Jobs } from './job-table.ts';
import { WorkerPool, type WorkerPoolOptions } from './pool.ts';
import { startWorker } from './start-worker.ts';

const mostByDefault = 8;
/** A thread that hangs in a call, as for a dead disk, cannot be told to stop. */
const stopWithinMs = 500;

export class PartWorkers implements PartWriter, AsyncDisposable {
  readonly jobs: number;
  readonly #pool: WorkerPool<Jobs>;

  /** @param told of each secret that a thread reads, and of what the threads send */
  constructor(config: Config, told: Pick<WorkerPoolOptions, 'onSecret' | 'onTraffic'>) {
    this.jobs = config.backup.jobs ?? Math.min(availableParallelism(), mostByDefault);
    const maxWorkers = this.jobs;
    this.#pool = new WorkerPool({ ...told, maxWorkers, start: () => startWorker(config, maxWorkers) });
  }

  prepare(): void {
    this.#pool.prepare('write-part');
  }

  /** @throws the reason of the signal; other errors as `PartWriter` does */
  async write(task: PartTask, { log, signal, onBytes }: PartRun): Promise<WrittenPart> {
    const written = this.#pool.run('write-part', task, {
      signal,
      onEvent(event, isOfThread) {
        // This process uses the same keys and repositories, and says so once.
        if (!isOfThread) log.emit(event);
      },
      onSign: doneBytes => onBytes(doneBytes ?? 0),
    });
    try {
      return await orAborted(written, signal);
    } finally {
      // It removes what it has not finished.
      if (signal.aborted) await endsWithin(stopWithinMs, written);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}
