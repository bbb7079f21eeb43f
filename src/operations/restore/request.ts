/** The choices of a restore: target, backup and timeline. */
import type { RestoreTarget } from './target.ts';

export interface RestoreRequest {
  readonly target: RestoreTarget;
  /** Undefined: the newest usable backup. */
  readonly backupId: string | undefined;
  /** Undefined: the one branch that reaches the target. */
  readonly timeline: number | 'latest' | undefined;
  /** True: the target is kept, even if a database or tablespace is half dropped there. */
  readonly throughDrops?: boolean | undefined;
}
