import type { Repository } from '../../repository/repository.ts';
import type { Log } from '../../observe/events/events.ts';

/** Said once a run: what P2 is worth on a store that does not decide who was first. */
export function warnOfUndecidedRaces(repositories: readonly Repository[], log: Log): void {
  for (const { name, store } of repositories) {
    if (store.capabilities.conditionalCreate === 'atomic') continue;
    log.emit({ kind: 'creation-not-atomic', repository: name });
  }
}
