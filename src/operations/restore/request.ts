/** The choices of a restore: target, backup and timeline. */
import type { RestoreTarget } from './target.ts';

/** PostgreSQL's words: `current` is the timeline of the backup, `latest` the newest that a backup leads to. */
export type TimelineChoice = number | 'current' | 'latest';

export interface RestoreRequest {
  readonly target: RestoreTarget;
  /** Undefined: the newest usable backup. */
  readonly backupId: string | undefined;
  /** Undefined: the one branch that reaches the target. */
  readonly timeline: TimelineChoice | undefined;
  /** True: the target is kept, even if a database or tablespace is half dropped there. */
  readonly throughDrops?: boolean | undefined;
}
