/** The warning for stores on which two pushes of one name can race. */
import type { Repository } from '../../repository/repository.ts';
import type { Log } from '../../observe/events/events.ts';

/** Warns, once a run, of each store that cannot create an object atomically: P2 does not hold in a race there. */
export function warnOfUndecidedRaces(repositories: readonly Repository[], log: Log): void {
  for (const { name, store } of repositories) {
    if (store.capabilities.conditionalCreate === 'atomic') continue;
    log.emit({ kind: 'creation-not-atomic', repository: name });
  }
}
