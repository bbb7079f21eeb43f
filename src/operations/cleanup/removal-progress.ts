/** How far a cleanup is, in objects of its plan. */
import type { Log } from '../../observe/events/events.ts';
import { count, subtract } from '../../postgres/wal/segment-range.ts';
import type { CleanupPlan } from './decisions.ts';
import type { SystemState } from './state.ts';

export class RemovalProgress {
  readonly #log: Log;
  readonly #total: number;
  #done = 0;

  constructor(log: Log, total: number) {
    this.#log = log;
    this.#total = total;
  }

  /** Notes objects that are gone, or could not be removed. The listing may have more than the plan has counted. */
  add(objects: number): void {
    this.#done += objects;
    this.#log.emit({
      kind: 'progress',
      stage: 'cleanup',
      doneObjects: this.#done,
      totalObjects: Math.max(this.#done, this.#total),
    });
  }
}

/** The number of objects that the plan removes: of backups, and segments that are there. Pure. */
export function countRemovals(
  { backups, wal }: Pick<CleanupPlan, 'backups' | 'wal'>,
  { segments }: Pick<SystemState, 'segments'>,
): number {
  let total = 0;
  for (const { action, objectCount } of backups) if (action === 'remove') total += objectCount;
  for (const range of wal)
    if (range.action === 'remove') total += count(range) - count(...subtract(range, segments));
  return total;
}
