/** Listings of S3: ListObjectsV2, with one page in memory. */
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { entriesOfPage } from '../driver-kit/list-page.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import { entryName } from '../pages.ts';
import { StoreError, type ListEntry, type ListOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { readListPage, type S3Page } from './list-page.ts';
import { requestParameters } from './parameters.ts';
import { readAnswerFirst } from './read-answer-first.ts';
import { listedTier } from './tier.ts';

/** @throws StoreError `no-container`, `denied`… */
export async function* listObjects(
  connection: S3Connection,
  options: ListOptions,
): AsyncGenerator<ListEntry[]> {
  const { startAfter = '' } = options;
  const base = connection.fullKey('');
  const action = `list ${options.prefix || connection.bucket}`;
  const tokens = new PageTokens(action);
  let token: string | undefined;
  for (;;) {
    const page: S3Page = await listPage(connection, { ...options, action, token });
    yield entriesOfPage(base, page.objects, page.prefixes).filter(entry => entryName(entry) > startAfter);
    // Some services send a token, often an empty one, with the last page, too.
    if (!page.isCut) return;
    token = page.token;
    if (token === undefined || token === '')
      throw new StoreError('damaged', `${action}: a cut page without a token to go on with`);
    tokens.follow(token);
  }
}

interface PageRequest extends ListOptions {
  readonly action: string;
  readonly token: string | undefined;
}

async function listPage(
  connection: S3Connection,
  { prefix, startAfter = '', delimiter, token, action, signal }: PageRequest,
): Promise<S3Page> {
  const base = connection.fullKey('');
  const command = new ListObjectsV2Command({
    Bucket: connection.bucket,
    ...requestParameters(connection.objects),
    Prefix: base + prefix,
    ...(startAfter !== '' && { StartAfter: base + startAfter }),
    ...(delimiter && { Delimiter: delimiter }),
    ...(token !== undefined && { ContinuationToken: token }),
  });
  const taken = readAnswerFirst(command, readListPage);
  const answer = await connection.send({ action, signal }, abortSignal =>
    connection.client.send(command, { abortSignal }),
  );
  return taken() ?? pageOf(answer);
}

/** A page that the SDK has read. */
function pageOf(answer: ListObjectsV2CommandOutput): S3Page {
  return {
    objects: (answer.Contents ?? []).map(({ Key = '', Size, LastModified, StorageClass }) => ({
      name: Key,
      sizeBytes: Size ?? 0,
      modified: LastModified ?? new Date(0),
      ...listedTier(StorageClass),
    })),
    prefixes: (answer.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []),
    isCut: answer.IsTruncated === true,
    token: answer.NextContinuationToken,
  };
}
