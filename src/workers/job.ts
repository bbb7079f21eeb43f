/** The shape of a job of a worker thread. Each job has a file under `jobs/` and a line in `job-table.ts`. */
import { WalvaultError } from '../base/errors/errors.ts';
import type { Log } from '../observe/events/events.ts';
import type { Config } from '../config/index.ts';
import type { Repository } from '../repository/repository.ts';

/**
 * Does the work for one input. Input and output cross to the other thread by structured clone.
 * @throws the error that the pool's caller gets as a `WalvaultError`
 */
export type Job<Input, Output> = (input: Input, context: JobContext) => Promise<Output>;

export interface JobContext {
  readonly signal: AbortSignal;
  /** Sends events to the pool's caller at once. */
  readonly log: Log;
  /** Call this whenever the work makes progress, with the bytes that are done where the pool's caller wants them. */
  readonly onProgress: (doneBytes?: number) => void;
}

/** The configuration and repositories that the jobs of one thread share. */
export interface Workshop {
  readonly config: Config;
  /** True: one job at a time runs in the thread, and makes its file calls there. */
  readonly isDirect: boolean;
  /** Opens the repositories for the first job that asks. @throws WalvaultError `config` */
  repositories(): Promise<readonly Repository[]>;
}

/** @throws WalvaultError `internal` for a name that is not configured */
export function repositoryNamed(opened: readonly Repository[], name: string): Repository {
  const repository = opened.find(one => one.name === name);
  if (repository === undefined) throw new WalvaultError('internal', `no repository is named "${name}"`);
  return repository;
}

/** Makes the function that does all inputs of its thread. Called once in a thread. */
export type OpenJob<Input, Output> = (workshop: Workshop) => Promise<Job<Input, Output>>;
