/** Reads data for a verification in worker threads. */
import type { Config } from '../config/index.ts';
import type { DataReader } from '../operations/verify/data-reader.ts';
import type { PartResult, PartToRead } from '../operations/verify/read-part.ts';
import type { SegmentsResult, SegmentsToRead } from '../operations/verify/read-segments.ts';
import type { Event } from '../observe/events/events.ts';
import type { Repository } from '../repository/repository.ts';
import { openCommandPool, partsAtOnce } from './command-pool.ts';
import type { Jobs } from './job-table.ts';
import type { WorkerPool, WorkerPoolOptions } from './pool.ts';

export class DataReaders implements DataReader, AsyncDisposable {
  readonly jobs: number;
  readonly #pool: WorkerPool<Jobs>;

  /** @param told of each secret that a thread reads, and of what the threads receive */
  constructor(config: Config, told: Pick<WorkerPoolOptions, 'onSecret' | 'onTraffic'>) {
    this.jobs = partsAtOnce(config.restore.jobs);
    this.#pool = openCommandPool(config, this.jobs, told);
  }

  async segments(repository: Repository, task: SegmentsToRead, signal: AbortSignal): Promise<SegmentsResult> {
    const input = { repository: repository.name, task };
    return await this.#pool.run('read-segments', input, { signal, onEvent: onceIn(repository) });
  }

  async part(repository: Repository, task: PartToRead, signal: AbortSignal): Promise<PartResult> {
    const input = { repository: repository.name, task };
    return await this.#pool.run('read-part', input, { signal, onEvent: onceIn(repository) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}

/** Each thread says it; the codec of this thread knows whether it was said. */
function onceIn({ codec }: Repository) {
  return (event: Event) => {
    if (event.kind === 'signature-not-good') codec.emitOnce(event.problem, event);
  };
}
