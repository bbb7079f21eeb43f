/** What the execution of a cleanup plan works with. */
import type { Log } from '../../observe/events/events.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import type { CleanupPlan } from './decisions.ts';
import type { SystemState } from './state.ts';

export interface ExecuteOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly state: SystemState;
  readonly plan: CleanupPlan;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}
