/** One page of a listing, as `ListEntry` objects. */
import { entryName } from '../pages.ts';
import type { ListEntry, StorageTier } from '../store.ts';

export interface ListedObject extends StorageTier {
  /** The whole name, with the store's prefix. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modified: Date;
}

/** Objects and common prefixes, which services list apart, in one order. `base`: the store's prefix with its slash. */
export function entriesOfPage(
  base: string,
  objects: readonly ListedObject[],
  prefixes: readonly string[],
): ListEntry[] {
  const entries: ListEntry[] = prefixes.map(name => ({ prefix: name.slice(base.length) }));
  for (const { name, ...rest } of objects)
    if (name.length > base.length) entries.push({ key: name.slice(base.length), ...rest });
  return entries.sort((a, b) => (entryName(a) < entryName(b) ? -1 : 1));
}
