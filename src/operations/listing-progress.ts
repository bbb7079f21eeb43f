/** Progress of what a verb looks through before it can decide: a large archive is listed for minutes. */
import type { Log } from '../observe/events/events.ts';
import type { Repository } from '../repository/repository.ts';
import { withMethods } from '../stores/methods.ts';
import { listingsBy, pagesOf } from '../stores/pages.ts';

/** An event for each entry would cost more than the entry; a service lists as many at a time. */
const tellEvery = 1000;

/** The repository, with a sign of progress for each thousand entries that its store lists. */
export function tellingOfListings(repository: Repository, log: Log): Repository {
  let doneObjects = 0;
  const { store } = repository;
  return {
    ...repository,
    store: withMethods(store, {
      ...listingsBy(async function* (options) {
        for await (const page of pagesOf(store, options)) {
          const before = doneObjects;
          doneObjects += page.length;
          if (Math.floor(doneObjects / tellEvery) > Math.floor(before / tellEvery))
            log.emit({ kind: 'progress', stage: 'listing', doneObjects });
          yield page;
        }
      }),
    }),
  };
}
