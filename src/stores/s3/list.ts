/** Listing in S3: ListObjectsV2, one page in memory. */
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { StoreError, type ListEntry, type ListOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { requestParameters } from './parameters.ts';
import { listedTier } from './tier.ts';

/** @throws StoreError `no-container`, `denied`… */
export async function* listObjects(
  connection: S3Connection,
  options: ListOptions,
): AsyncGenerator<ListEntry> {
  const { signal, startAfter = '' } = options;
  const base = connection.fullKey('');
  let token: string | undefined;
  do {
    const page: ListObjectsV2CommandOutput = await connection.send(
      { action: `list ${options.prefix || connection.bucket}`, signal },
      abortSignal =>
        connection.client.send(
          new ListObjectsV2Command({
            Bucket: connection.bucket,
            ...requestParameters(connection.objects),
            Prefix: base + options.prefix,
            ...(startAfter !== '' && { StartAfter: base + startAfter }),
            ...(options.delimiter && { Delimiter: options.delimiter }),
            ...(token !== undefined && { ContinuationToken: token }),
          }),
          { abortSignal },
        ),
    );
    yield* entriesOf(page, base.length).filter(entry => nameOf(entry) > startAfter);
    token = page.NextContinuationToken;
    if (page.IsTruncated === true && token === undefined)
      throw new StoreError('damaged', `list ${options.prefix}: a cut page without a token to go on with`);
  } while (token !== undefined);
}

/** Keys and common prefixes come in two lists; together they are in order. */
function entriesOf(page: ListObjectsV2CommandOutput, baseLength: number): ListEntry[] {
  const entries: ListEntry[] = [];
  for (const { Key, Size, LastModified, StorageClass } of page.Contents ?? [])
    if (Key !== undefined && Key.length > baseLength)
      entries.push({
        key: Key.slice(baseLength),
        sizeBytes: Size ?? 0,
        modified: LastModified ?? new Date(0),
        ...listedTier(StorageClass),
      });
  for (const { Prefix } of page.CommonPrefixes ?? [])
    if (Prefix !== undefined) entries.push({ prefix: Prefix.slice(baseLength) });
  return entries.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf(entry: ListEntry): string {
  return 'key' in entry ? entry.key : entry.prefix;
}
