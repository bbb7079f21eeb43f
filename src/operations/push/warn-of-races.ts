import { warn, type Log } from '../../base/log.ts';
import type { Repository } from '../../repository/repository.ts';

/** Said once a run: what P2 is worth on a store that does not decide who was first. */
export function warnOfUndecidedRaces(repositories: readonly Repository[], log: Log): void {
  for (const { name, store } of repositories) {
    if (store.capabilities.conditionalCreate === 'atomic') continue;
    warn(
      log,
      `repository "${name}" cannot create a file only if it is absent: it is looked up first, and of two servers that archive the same name in the same instant the later one wins unnoticed`,
      'Let one server alone archive there, or use a store with conditional writes; `walvault check` tries it out.',
    );
  }
}
