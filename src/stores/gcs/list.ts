/** Listing in Cloud Storage, one page in memory. */
import type { ListEntry, ListOptions } from '../store.ts';
import { readJson, type GcsConnection } from './connection.ts';

interface Page {
  readonly items?: readonly { readonly name: string; readonly size?: string; readonly updated?: string }[];
  readonly prefixes?: readonly string[];
  readonly nextPageToken?: string;
}

const fields = 'items(name,size,updated),prefixes,nextPageToken';

/** @throws StoreError `no-container`, `denied`… */
export async function* listObjects(
  connection: GcsConnection,
  { prefix, startAfter = '', delimiter, signal }: ListOptions,
): AsyncGenerator<ListEntry> {
  const base = connection.fullKey('');
  const query = new URLSearchParams({ prefix: base + prefix, fields });
  if (delimiter !== undefined) query.set('delimiter', delimiter);
  // Inclusive, other than ours: the one entry too many is left out below.
  if (startAfter !== '') query.set('startOffset', base + startAfter);
  for (;;) {
    const page = await connection.send(
      { action: `list ${prefix || connection.bucket}`, signal, notFound: 'no-container' },
      { method: 'GET', path: `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o?${query.toString()}` },
      readJson<Page>,
    );
    yield* entriesOf(page, base.length).filter(entry => nameOf(entry) > startAfter);
    if (page.nextPageToken === undefined || page.nextPageToken === '') return;
    query.set('pageToken', page.nextPageToken);
  }
}

/** Keys and common prefixes come in two lists; together they are in order. */
function entriesOf(page: Page, baseLength: number): ListEntry[] {
  const entries: ListEntry[] = [];
  for (const { name, size, updated } of page.items ?? [])
    if (name.length > baseLength)
      entries.push({
        key: name.slice(baseLength),
        sizeBytes: Number(size ?? 0),
        modified: new Date(updated ?? 0),
      });
  for (const name of page.prefixes ?? []) entries.push({ prefix: name.slice(baseLength) });
  return entries.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf(entry: ListEntry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}
