/** What a copy has done so far. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Log } from '../../observe/events/events.ts';

export interface CopyProblem {
  readonly key: string;
  readonly problem: string;
}

export interface CopiedBackup {
  readonly id: string;
  /** `held-back`: something it needs is not in the target, so that it does not count as a backup there. */
  readonly outcome: 'copied' | 'present' | 'held-back';
  readonly reason: string | undefined;
}

export interface CopyResult {
  readonly from: string;
  readonly to: string;
  /** Nothing was written: `copied` says what would be. */
  readonly isDryRun: boolean;
  readonly copied: { readonly objects: number; readonly bytes: number };
  /** Objects that the target had already. */
  readonly identical: number;
  /** The target has other content under the name. Nothing was replaced. */
  readonly conflicts: readonly CopyProblem[];
  /** Could not be copied: damaged, gone meanwhile, in a cold tier. */
  readonly failures: readonly CopyProblem[];
  readonly backups: readonly CopiedBackup[];
}

/** More than this, and the target is not a copy of the source but another archive. */
const mostProblems = 10_000;

export class CopyReport {
  readonly backups: CopiedBackup[] = [];
  readonly conflicts: CopyProblem[] = [];
  readonly failures: CopyProblem[] = [];
  identical = 0;
  #objects = 0;
  #bytes = 0;
  /** Keys that the target does not hold as the source does. */
  readonly #spoilt = new Set<string>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  get copied(): CopyResult['copied'] {
    return { objects: this.#objects, bytes: this.#bytes };
  }

  addCopied(sizeBytes: number): void {
    this.#objects++;
    this.#bytes += sizeBytes;
    this.#log.emit({ kind: 'progress', stage: 'copy', doneBytes: this.#bytes, doneFiles: this.#objects });
  }

  addConflict(key: string, problem: string): void {
    this.conflicts.push({ key, problem });
    this.#add(key, problem);
  }

  addFailure(key: string, problem: string): void {
    this.failures.push({ key, problem });
    this.#add(key, problem);
  }

  isSpoilt(key: string): boolean {
    return this.#spoilt.has(key);
  }

  /** @throws WalvaultError `conflict` past a number that no honest pair of repositories has */
  #add(key: string, problem: string): void {
    this.#spoilt.add(key);
    this.#log.emit({ kind: 'object-not-copied', object: key, problem });
    if (this.#spoilt.size < mostProblems) return;
    throw new WalvaultError(
      'conflict',
      `copy: stopped after ${mostProblems} objects that could not be copied`,
      {
        hint: 'The two repositories hold different archives; nothing in the target was replaced.',
      },
    );
  }
}
