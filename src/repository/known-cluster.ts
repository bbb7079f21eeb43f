/** The clusters of a repository, to tell a misspelt name from a cluster that has nothing yet. */
import { WalvaultError } from '../base/errors/errors.ts';
import { nearestName } from '../base/near.ts';
import { StoreError } from '../stores/store.ts';
import { listClusters, listSystemIds } from './format/cluster-record.ts';
import type { Repository } from './repository.ts';

/**
 * For a command that found nothing of `cluster`. Repositories without any cluster are new, and no reason to complain.
 * @throws WalvaultError `not-found` if they hold other clusters and none of them this one; StoreError
 */
export async function refuseUnknownCluster(
  repositories: readonly Repository[],
  cluster: string,
  signal: AbortSignal,
): Promise<void> {
  const known = new Set<string>();
  for (const { store } of repositories) {
    if ((await listSystemIds(store, cluster, signal)).length > 0) return;
    try {
      for (const name of await listClusters(store, signal)) known.add(name);
    } catch (error) {
      // An account may be confined to what is below its own cluster's name.
      if (!(error instanceof StoreError) || error.kind !== 'denied') throw error;
    }
  }
  const [first] = repositories;
  if (known.size === 0 || first === undefined) return;
  const near = nearestName(cluster, [...known]);
  const names = [...known].toSorted().map(name => `"${name}"`);
  throw new WalvaultError('not-found', `${first.store.url}: there is no cluster "${cluster}"`, {
    hint: `${near === undefined ? `It holds ${names.join(', ')}.` : `Did you mean "${near}"?`} A new cluster is there from its first push on.`,
  });
}
