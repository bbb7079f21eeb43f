/** Listings of Google Cloud Storage, with one page in memory. */
import { entriesOfPage, entryName } from '../driver-kit/list-page.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import type { ListEntry, ListOptions } from '../store.ts';
import { answerJson, type GcsConnection } from './connection.ts';

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
  // The service includes this name in the listing; it is left out below.
  if (startAfter !== '') query.set('startOffset', base + startAfter);
  const action = `list ${prefix || connection.bucket}`;
  const tokens = new PageTokens(action);
  for (;;) {
    const page = await connection.send(
      { action, signal, notFound: 'no-container' },
      { method: 'GET', path: `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o?${query.toString()}` },
      answerJson<Page>,
    );
    const objects = (page.items ?? []).map(({ name, size, updated }) => ({
      name,
      sizeBytes: Number(size ?? 0),
      modified: new Date(updated ?? 0),
    }));
    yield* entriesOfPage(base, objects, page.prefixes ?? []).filter(entry => entryName(entry) > startAfter);
    if (page.nextPageToken === undefined || page.nextPageToken === '') return;
    tokens.follow(page.nextPageToken);
    query.set('pageToken', page.nextPageToken);
  }
}
