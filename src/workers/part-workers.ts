/** Writes the parts of a backup, and proves those of an interrupted one, in worker threads. */
import { endsWithin, orAborted } from '../base/time/wait.ts';
import type { Config } from '../config/index.ts';
import type {
  PartRun,
  PartTask,
  PartWriter,
  ProofTask,
  ProvenPart,
  WrittenPart,
} from '../operations/backup/part/part-task.ts';
import { garbageCollector, mainThread } from './collect-garbage.ts';
import { openCommandPool, partsAtOnce } from './command-pool.ts';
import type { Jobs } from './job-table.ts';
import type { WorkerPool, WorkerPoolOptions } from './pool.ts';

/** A thread that hangs in a call, as for a dead disk, cannot be told to stop. */
const stopWithinMs = 500;

export class PartWorkers implements PartWriter, AsyncDisposable {
  readonly jobs: number;
  readonly #pool: WorkerPool<Jobs>;
  /** The walk that has found the files leaves much, and so does what becomes of those of each part. */
  readonly #collectGarbage = garbageCollector(mainThread.keptBytes, mainThread.keptHeapBytes);

  /** @param told of each secret that a thread reads, and of what the threads send */
  constructor(config: Config, told: Pick<WorkerPoolOptions, 'onSecret' | 'onTraffic'>) {
    this.jobs = partsAtOnce(config.backup.jobs);
    this.#pool = openCommandPool(config, this.jobs, told);
  }

  prepare(): void {
    this.#pool.prepare('write-part');
  }

  /** @throws the reason of the signal; other errors as `PartWriter` does */
  async write(task: PartTask, run: PartRun): Promise<WrittenPart> {
    return await this.#run('write-part', task, run);
  }

  /** @throws the reason of the signal; other errors as `PartWriter` does */
  async prove(task: ProofTask, run: PartRun): Promise<ProvenPart | undefined> {
    return await this.#run('prove-part', task, run);
  }

  async #run<Name extends 'write-part' | 'prove-part'>(
    name: Name,
    task: Jobs[Name]['input'],
    { log, signal, onBytes }: PartRun,
  ): Promise<Jobs[Name]['output']> {
    this.#collectGarbage();
    const done = this.#pool.run(name, task, {
      signal,
      onEvent(event, isOfThread) {
        // This process uses the same keys and repositories, and says so once.
        if (!isOfThread) log.emit(event);
      },
      onSign: doneBytes => onBytes(doneBytes ?? 0),
    });
    try {
      return await orAborted(done, signal);
    } finally {
      // It removes what it has not finished.
      if (signal.aborted) await endsWithin(stopWithinMs, done);
    }
  }

  /** A part that follows all the same gets new threads. */
  async release(): Promise<void> {
    await this.#pool.close();
    this.#collectGarbage();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}
