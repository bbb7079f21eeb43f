/** The report of a copy: the counts and problems so far. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Log } from '../../observe/events/events.ts';
import type { CopyOutcomes, ObjectCopying } from '../copy-object.ts';

export interface CopyProblem {
  readonly key: string;
  readonly problem: string;
}

export interface CopiedBackup {
  readonly id: string;
  /** `held-back`: an object that the backup needs is not in the target, so its commit record was not copied. */
  readonly outcome: 'copied' | 'present' | 'held-back';
  readonly reason: string | undefined;
}

export interface CopyResult {
  readonly from: string;
  readonly to: string;
  /** Nothing was written: `copied` says what would be. */
  readonly isDryRun: boolean;
  readonly copied: { readonly objects: number; readonly bytes: number };
  /** The number of objects that the target had already. */
  readonly identical: number;
  /** Keys under which the target has other content. No object was replaced. */
  readonly conflicts: readonly CopyProblem[];
  /** Objects that could not be copied: damaged, gone meanwhile, or in a cold tier. */
  readonly failures: readonly CopyProblem[];
  readonly backups: readonly CopiedBackup[];
}

/** With more problems than this, the target is not a copy of the source but another archive. */
const mostProblems = 10_000;

/** What all steps of one copy share. */
export interface CopyContext extends ObjectCopying {
  readonly report: CopyReport;
  readonly log: Log;
}

export class CopyReport implements CopyOutcomes {
  readonly backups: CopiedBackup[] = [];
  readonly conflicts: CopyProblem[] = [];
  readonly failures: CopyProblem[] = [];
  #identical = 0;
  /** The number of objects that were looked at, and that will have been, as far as it is known. */
  #seen = 0;
  #expected: number | undefined;
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

  get identical(): number {
    return this.#identical;
  }

  /** Adds to the objects that will have been looked at. */
  expect(objects: number): void {
    this.#expected = objects + (this.#expected ?? 0);
  }

  addCopied(sizeBytes: number): void {
    this.#objects++;
    this.#bytes += sizeBytes;
    this.#tell();
  }

  addIdentical(): void {
    this.#identical++;
    this.#tell();
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

  #tell(): void {
    this.#seen++;
    const expected = this.#expected;
    this.#log.emit({
      kind: 'progress',
      stage: 'copy',
      doneBytes: this.#bytes,
      doneObjects: this.#seen,
      totalObjects: expected && Math.max(expected, this.#seen),
    });
  }

  /**
   * Notes a problem.
   * @throws WalvaultError `conflict` when there are more problems than two copies of one archive can have
   */
  #add(key: string, problem: string): void {
    this.#spoilt.add(key);
    this.#tell();
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
