/** Listing in Azure, one page in memory. */
import { StoreError, type ListEntry, type ListOptions } from '../store.ts';
import type { AzureConnection } from './connection.ts';
import { tierOf, type DescribedTier } from './tier.ts';

const entriesInPage = 1000;

/** @throws StoreError `no-container`, `denied`…, `invalid` for an account that sorts names as directories */
export async function* listObjects(
  connection: AzureConnection,
  options: ListOptions,
): AsyncGenerator<ListEntry> {
  const { prefix, startAfter = '', signal } = options;
  const { length: baseLength } = connection.fullKey('');
  const call = { action: `list ${prefix || connection.container}`, signal };
  const pages = pagesOf(connection, options)[Symbol.asyncIterator]();
  let last = '';
  for (;;) {
    const page = await connection.send(call, () => pages.next());
    if (page.done === true) return;
    for (const entry of entriesOf(page.value, baseLength)) {
      const name = nameOf(entry);
      if (name < last)
        throw new StoreError('invalid', `${call.action}: the service does not list names in their order`, {
          hint: 'Use a storage account without hierarchical namespace.',
        });
      last = name;
      if (name > startAfter) yield entry;
    }
  }
}

interface Listed {
  readonly segment: {
    readonly blobItems: readonly {
      readonly name: string;
      readonly properties: DescribedTier & { readonly contentLength?: number; readonly lastModified: Date };
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
  // Inclusive, other than ours; and a hint only: an older service lists from the beginning.
  const isInside = startAfter > prefix && startAfter.startsWith(prefix);
  const startFrom = isInside ? { startFrom: fullKey(startAfter) } : {};
  return client.listBlobsFlat({ prefix: whole, abortSignal: signal, ...startFrom }).byPage(settings);
}

/** Names and common prefixes come in two lists; together they are in order. */
function entriesOf({ segment }: Listed, baseLength: number): ListEntry[] {
  const entries: ListEntry[] = [];
  for (const { name, properties } of segment.blobItems)
    if (name.length > baseLength)
      entries.push({
        key: name.slice(baseLength),
        sizeBytes: properties.contentLength ?? 0,
        modified: properties.lastModified,
        ...tierOf(properties),
      });
  for (const { name } of segment.blobPrefixes ?? []) entries.push({ prefix: name.slice(baseLength) });
  return entries.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf(entry: ListEntry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}
