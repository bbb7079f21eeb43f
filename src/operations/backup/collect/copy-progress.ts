/** The progress of the parts of a backup that are written side by side. */
import type { Log } from '../../../observe/events/events.ts';
import type { PlannedPart } from '../plan.ts';

export interface PartProgress {
  /** Takes the bytes of the part's tar that are done; fewer than before when the part is made again. */
  readonly onBytes: (doneBytes: number) => void;
  /** The part is not what was looked for, and begins anew. */
  cancel(): void;
  /** The part is stored. */
  end(doneBytes: number, fileCount: number): void;
}

export class CopyProgress {
  readonly #log: Log;
  readonly #totalBytes: number;
  #endedBytes = 0;
  #endedFiles = 0;
  /** Done bytes of the parts under way. */
  readonly #underWay = new Map<PartProgress, number>();

  constructor(parts: readonly PlannedPart[], log: Log) {
    this.#log = log;
    this.#totalBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  begin(): PartProgress {
    const part: PartProgress = {
      onBytes: doneBytes => {
        this.#underWay.set(part, doneBytes);
        this.#emit();
      },
      cancel: () => {
        this.#underWay.delete(part);
        this.#emit();
      },
      end: (doneBytes, fileCount) => {
        this.#underWay.delete(part);
        this.#endedBytes += doneBytes;
        this.#endedFiles += fileCount;
        this.#emit();
      },
    };
    return part;
  }

  #emit(): void {
    const doneBytes = this.#underWay.values().reduce((sum, bytes) => sum + bytes, this.#endedBytes);
    this.#log.emit({
      kind: 'progress',
      stage: 'backup',
      // Files have grown since they were listed, so that the parts may be larger than they were planned.
      doneBytes: Math.min(doneBytes, this.#totalBytes),
      totalBytes: this.#totalBytes,
      doneFiles: this.#endedFiles,
    });
  }
}
