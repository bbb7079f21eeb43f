/** Unpacks the parts of a backup in worker threads. */
import type { Config } from '../config/index.ts';
import type { PartJob, PartRun, UnpackedPart } from '../operations/restore/unpack-part.ts';
import type {
  ComparedFiles,
  CompareJob,
  CompareRun,
  FileComparer,
} from '../operations/restore/delta/compare-files.ts';
import type { PartUnpacker } from '../operations/restore/unpack.ts';
import type { Repository } from '../repository/repository.ts';
import { garbageCollector, mainThread } from './collect-garbage.ts';
import { openCommandPool, partsAtOnce } from './command-pool.ts';
import type { Jobs } from './job-table.ts';
import type { WorkerPool, WorkerPoolOptions } from './pool.ts';

export class PartUnpackers implements PartUnpacker, FileComparer, AsyncDisposable {
  readonly jobs: number;
  readonly #pool: WorkerPool<Jobs>;
  /** The manifest was read line by line. */
  readonly #collectGarbage = garbageCollector(mainThread.keptBytes, mainThread.keptHeapBytes);

  /** @param told of each secret that a thread reads, and of what the threads receive */
  constructor(config: Config, told: Pick<WorkerPoolOptions, 'onSecret' | 'onTraffic'>) {
    this.jobs = partsAtOnce(config.restore.jobs);
    this.#pool = openCommandPool(config, this.jobs, told);
  }

  prepare(): void {
    this.#pool.prepare('unpack-part');
  }

  async unpack(repository: Repository, job: PartJob, { onWritten, signal }: PartRun): Promise<UnpackedPart> {
    this.#collectGarbage();
    const input = { repository: repository.name, job };
    return await this.#pool.run('unpack-part', input, {
      signal,
      onEvent(event) {
        if (event.kind === 'progress')
          onWritten({ bytes: event.doneBytes ?? 0, files: event.doneFiles ?? 0 });
        // Each thread says it; the codec of this thread knows whether it was said.
        else if (event.kind === 'signature-not-good') repository.codec.emitOnce(event.problem, event);
      },
    });
  }

  async compare(
    repository: Repository,
    job: CompareJob,
    { onRead, signal }: CompareRun,
  ): Promise<ComparedFiles> {
    const input = { repository: repository.name, job };
    return await this.#pool.run('compare-files', input, {
      signal,
      onEvent(event) {
        if (event.kind === 'progress') onRead(event.doneBytes ?? 0);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}
