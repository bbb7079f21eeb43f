/** Listings of S3: ListObjectsV2, with one page in memory. */
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { entriesOfPage } from '../driver-kit/list-page.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import { entryName } from '../pages.ts';
import { StoreError, type ListEntry, type ListOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { requestParameters } from './parameters.ts';
import { listedTier } from './tier.ts';

/** @throws StoreError `no-container`, `denied`… */
export async function* listObjects(
  connection: S3Connection,
  options: ListOptions,
): AsyncGenerator<ListEntry[]> {
  const { signal, startAfter = '' } = options;
  const base = connection.fullKey('');
  const action = `list ${options.prefix || connection.bucket}`;
  const tokens = new PageTokens(action);
  let token: string | undefined;
  for (;;) {
    const page: ListObjectsV2CommandOutput = await connection.send({ action, signal }, abortSignal =>
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
    const objects = (page.Contents ?? []).map(({ Key = '', Size, LastModified, StorageClass }) => ({
      name: Key,
      sizeBytes: Size ?? 0,
      modified: LastModified ?? new Date(0),
      ...listedTier(StorageClass),
    }));
    const prefixes = (page.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []);
    yield entriesOfPage(base, objects, prefixes).filter(entry => entryName(entry) > startAfter);
    // Some services send a token, often an empty one, with the last page, too.
    if (page.IsTruncated !== true) return;
    token = page.NextContinuationToken;
    if (token === undefined || token === '')
      throw new StoreError('damaged', `${action}: a cut page without a token to go on with`);
    tokens.follow(token);
  }
}
