/** One page of a listing, in the terms of `ListEntry`. */
import type { ListEntry, StorageTier } from '../store.ts';

export interface ListedObject extends StorageTier {
  /** With the store's prefix. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modified: Date;
}

/** Services list objects and common prefixes apart; the entries come in one order. `base`: the store's prefix with its slash. */
export function entriesOfPage(
  base: string,
  objects: readonly ListedObject[],
  prefixes: readonly string[],
): ListEntry[] {
  const entries: ListEntry[] = prefixes.map(name => ({ prefix: name.slice(base.length) }));
  for (const { name, ...rest } of objects)
    if (name.length > base.length) entries.push({ key: name.slice(base.length), ...rest });
  return entries.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The key, or the common prefix. */
export function nameOf(entry: ListEntry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}
