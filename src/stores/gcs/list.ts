/** Listings of Google Cloud Storage, with one page in memory. */
import { entriesOfPage } from '../driver-kit/list-page.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import { entryName } from '../pages.ts';
import type { ListEntry, ListOptions } from '../store.ts';
import { answerJson, type GcsConnection } from './connection.ts';

interface Page {
  readonly items?: readonly { readonly name: string; readonly size?: string; readonly updated?: string }[];
  readonly prefixes?: readonly string[];
  readonly nextPageToken?: string;
}

/** Other JSON than a page comes from a proxy on the way, as text that is no JSON. */
function pageIn(value: unknown): Page {
  const { items = [], prefixes = [], nextPageToken } = (value ?? {}) as Record<string, unknown>;
  const isPage =
    Array.isArray(items) &&
    items.every(item => isText((item as { name?: unknown } | null)?.name)) &&
    Array.isArray(prefixes) &&
    prefixes.every(isText) &&
    (nextPageToken === undefined || isText(nextPageToken));
  if (!isPage) throw new Error('the answer is no page of a listing');
  return value ?? {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

const fields = 'items(name,size,updated),prefixes,nextPageToken';

/** @throws StoreError `no-container`, `denied`… */
export async function* listObjects(
  connection: GcsConnection,
  { prefix, startAfter = '', delimiter, signal }: ListOptions,
): AsyncGenerator<ListEntry[]> {
  const base = connection.fullKey('');
  const query = new URLSearchParams({ prefix: base + prefix, fields });
  if (delimiter !== undefined) query.set('delimiter', delimiter);
  // The service includes this name in the listing; it is left out below.
  if (startAfter !== '') query.set('startOffset', base + startAfter);
  const action = `list ${prefix || connection.bucket}`;
  const tokens = new PageTokens(action);
  for (;;) {
    const page = await connection.send(
      { action, signal, notFound: 'no-container' },
      { method: 'GET', path: `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o?${query.toString()}` },
      async answer => pageIn(await answerJson(answer)),
    );
    const objects = (page.items ?? []).map(({ name, size, updated }) => ({
      name,
      sizeBytes: Number(size ?? 0),
      modified: new Date(updated ?? 0),
    }));
    yield entriesOfPage(base, objects, page.prefixes ?? []).filter(entry => entryName(entry) > startAfter);
    if (page.nextPageToken === undefined || page.nextPageToken === '') return;
    tokens.follow(page.nextPageToken);
    query.set('pageToken', page.nextPageToken);
  }
}
