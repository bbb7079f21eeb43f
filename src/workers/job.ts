/** What a job of a worker thread is made of. Each has a file under `jobs/` and a line in `job-table.ts`. */
import type { Log } from '../observe/events/events.ts';
import type { Config } from '../config/index.ts';
import type { Repository } from '../repository/repository.ts';

/** Input and output cross the thread's border by structured clone. @throws what the pool's caller is to get as a `WalvaultError` */
export type Job<Input, Output> = (input: Input, context: JobContext) => Promise<Output>;

export interface JobContext {
  readonly signal: AbortSignal;
  /** Its events go to the pool's caller at once. */
  readonly log: Log;
  /** Shows that the work moves on; to be called as often as it does. */
  readonly onProgress: () => void;
}

/** What the jobs of one thread share. */
export interface Workshop {
  readonly config: Config;
  /** Opened for the first job that asks. @throws WalvaultError `config` */
  repositories(): Promise<readonly Repository[]>;
}

/** Makes a job for all the inputs that its thread gets. Called once in a thread. */
export type OpenJob<Input, Output> = (workshop: Workshop) => Promise<Job<Input, Output>>;
