/** What a restore is asked for. */
import type { RestoreTarget } from './target.ts';

export interface RestoreRequest {
  readonly target: RestoreTarget;
  /** Undefined: the newest that serves. */
  readonly backupId: string | undefined;
  /** Undefined: the only branch that reaches the target. */
  readonly timeline: number | 'latest' | undefined;
}
