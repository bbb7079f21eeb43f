/** Progress of what a verb looks through before it can decide: a large archive is listed for minutes. */
import type { Log } from '../observe/events/events.ts';
import type { Repository } from '../repository/repository.ts';
import { withMethods } from '../stores/methods.ts';

/** An event for each entry would cost more than the entry; a service lists as many at a time. */
const tellEvery = 1000;

/** The repository, with a sign of progress for each thousand entries that its store lists. */
export function tellingOfListings(repository: Repository, log: Log): Repository {
  let doneObjects = 0;
  const { store } = repository;
  return {
    ...repository,
    store: withMethods(store, {
      async *list(options) {
        for await (const entry of store.list(options)) {
          doneObjects++;
          if (doneObjects % tellEvery === 0) log.emit({ kind: 'progress', stage: 'listing', doneObjects });
          yield entry;
        }
      },
    }),
  };
}
