/** Listings of Azure, with one page in memory. */
import { entriesOfPage } from '../driver-kit/list-page.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import { entryName } from '../pages.ts';
import { StoreError, type ListEntry, type ListOptions } from '../store.ts';
import type { AzureConnection } from './connection.ts';
import { tierOf, type AzureTier } from './tier.ts';

const entriesInPage = 1000;

/** @throws StoreError `no-container`, `denied`…, `invalid` for an account that sorts names as directories */
export async function* listObjects(
  connection: AzureConnection,
  options: ListOptions,
): AsyncGenerator<ListEntry[]> {
  const { prefix, startAfter = '', signal } = options;
  const base = connection.fullKey('');
  const call = { action: `list ${prefix || connection.container}`, signal };
  const pages = pagesOf(connection, options)[Symbol.asyncIterator]();
  const tokens = new PageTokens(call.action);
  let last = '';
  for (;;) {
    const page = await connection.send(call, () => pages.next());
    if (page.done === true) return;
    const entries = entriesIn(page.value, base);
    for (const entry of entries) {
      const name = entryName(entry);
      if (name < last)
        throw new StoreError('invalid', `${call.action}: the service does not list names in their order`, {
          hint: 'Use a storage account without hierarchical namespace.',
        });
      last = name;
    }
    yield entries.filter(entry => entryName(entry) > startAfter);
    const { continuationToken } = page.value;
    if (continuationToken !== undefined && continuationToken !== '') tokens.follow(continuationToken);
  }
}

interface Listed {
  readonly continuationToken?: string;
  readonly segment: {
    readonly blobItems: readonly {
      readonly name: string;
      readonly properties: AzureTier & { readonly contentLength?: number; readonly lastModified: Date };
    }[];
    readonly blobPrefixes?: readonly { readonly name: string }[];
  };
}

function pagesOf(
  { client, fullKey }: AzureConnection,
  { prefix, startAfter = '', delimiter, signal }: ListOptions,
): AsyncIterable<Listed> {
  const settings = { maxPageSize: entriesInPage };
  const whole = fullKey(prefix);
  if (delimiter !== undefined)
    return client.listBlobsByHierarchy(delimiter, { prefix: whole, abortSignal: signal }).byPage(settings);
  // The service includes this name in the listing, and an older service ignores `startFrom`.
  const isInside = startAfter > prefix && startAfter.startsWith(prefix);
  const startFrom = isInside ? { startFrom: fullKey(startAfter) } : {};
  return client.listBlobsFlat({ prefix: whole, abortSignal: signal, ...startFrom }).byPage(settings);
}

function entriesIn({ segment }: Listed, base: string): ListEntry[] {
  const objects = segment.blobItems.map(({ name, properties }) => ({
    name,
    sizeBytes: properties.contentLength ?? 0,
    modified: properties.lastModified,
    ...tierOf(properties),
  }));
  return entriesOfPage(
    base,
    objects,
    (segment.blobPrefixes ?? []).map(({ name }) => name),
  );
}
