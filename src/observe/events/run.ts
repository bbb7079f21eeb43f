/** Events of every verb. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type RunEvent =
  | RunStarted
  | RunEnded
  | RunFailed
  | RunInterrupted
  | ProgressEvent
  | { readonly kind: 'log-file-unwritable'; readonly path: string; readonly problem: string };

/** Who started what. The first event of a run. */
export interface RunStarted {
  readonly kind: 'run-started';
  readonly verb: string;
  /** As given, without the values of options that may be secret. */
  readonly arguments: readonly string[];
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** Names in the configuration, empty where none was read. */
  readonly repositories: readonly string[];
}

/** The last event of a run. */
export interface RunEnded {
  readonly kind: 'run-ended';
  readonly verb: string;
  readonly exitStatus: number;
  readonly durationMs: number;
}

export interface RunFailed {
  readonly kind: 'run-failed';
  readonly exitStatus: number;
  readonly failure: PlainError;
}

export interface RunInterrupted {
  readonly kind: 'run-interrupted';
  readonly signal: string;
}

/** How far a long piece of work is. What is not known is left out. */
export interface ProgressEvent {
  readonly kind: 'progress';
  readonly stage:
    | 'backup'
    | 'comparing'
    | 'restore'
    | 'recovery'
    | 'reading WAL'
    | 'copy'
    | 'cleanup'
    | 'listing'
    | 'verify';
  readonly doneBytes?: number | undefined;
  readonly totalBytes?: number | undefined;
  readonly doneFiles?: number | undefined;
  readonly totalFiles?: number | undefined;
  /** Objects of a repository. */
  readonly doneObjects?: number | undefined;
  readonly totalObjects?: number | undefined;
  /** Over the last half minute. The log of the run adds these three; the work itself has no clock. */
  readonly bytesPerSecond?: number | undefined;
  readonly objectsPerSecond?: number | undefined;
  readonly remainingMs?: number | undefined;
}
