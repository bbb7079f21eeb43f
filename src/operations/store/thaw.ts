/** `walvault store thaw`: asks the service for every object in an archive tier below a prefix. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { coldObjects, thawObjects } from '../../repository/cold-objects.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ListEntry, ThawOptions } from '../../stores/store.ts';

export interface ThawResult {
  readonly objects: number;
  /** How many of these were asked for now, were asked for before and are not readable yet, and are readable. */
  readonly requested: number;
  readonly underWay: number;
  readonly readable: number;
}

/**
 * Asks for the objects and counts them.
 * @throws WalvaultError `not-found` for a prefix without objects, `usage` for a store that has no such tiers
 */
export async function thaw({ store }: Repository, prefix: string, options: ThawOptions): Promise<ThawResult> {
  if (store.thaw === undefined)
    throw new WalvaultError('usage', `${store.url}: has no archive tier that must be thawed`, {
      hint: 'All that is stored there can be read at once.',
    });
  let objects = 0;
  const entries = async function* (): AsyncGenerator<ListEntry> {
    for await (const entry of store.list({ prefix, signal: options.signal })) {
      objects++;
      yield entry;
    }
  };
  const { requested, 'under-way': underWay } = await thawObjects(
    store,
    coldObjects(store, entries(), options.signal),
    options,
  );
  if (objects === 0) throw new WalvaultError('not-found', `${store.url}: there is nothing below ${prefix}`);
  return { objects, requested, underWay, readable: objects - requested - underWay };
}
