/** Listings by the page and by the entry, each made from the other. */
import type { ListEntry, ListOptions, Store } from './store.ts';

/** The listing in pages of any length; an entry is a page of its own where the store has no pages. @throws StoreError */
export function pagesOf(
  store: Pick<Store, 'list' | 'listPages'>,
  options: ListOptions,
): AsyncIterable<readonly ListEntry[]> {
  return store.listPages?.(options) ?? pageForEach(store.list(options));
}

async function* pageForEach(entries: AsyncIterable<ListEntry>): AsyncGenerator<readonly ListEntry[]> {
  for await (const entry of entries) yield [entry];
}

/** Both methods of a driver that lists by the page. */
export function listingsBy(
  listPages: (options: ListOptions) => AsyncIterable<readonly ListEntry[]>,
): Required<Pick<Store, 'list' | 'listPages'>> {
  return { listPages, list: options => entriesIn(listPages(options)) };
}

async function* entriesIn(pages: AsyncIterable<readonly ListEntry[]>): AsyncGenerator<ListEntry> {
  for await (const page of pages) for (const entry of page) yield entry;
}

/** The key, or the common prefix. */
export function entryName(entry: ListEntry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}
