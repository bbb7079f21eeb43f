/** Unfinished multipart uploads: no listing of objects shows them, but they cost money. */
import { ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { refusalsOf } from '../driver-kit/delete-each.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import { StoreError, type CallOptions, type DeleteFailure, type UnfinishedWrite } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { requestParameters } from './parameters.ts';
import { abortUpload } from './put-parts.ts';

/** @throws StoreError `denied`… */
export async function* listUploads(
  connection: S3Connection,
  { prefix, signal }: CallOptions & { readonly prefix: string },
): AsyncGenerator<UnfinishedWrite> {
  const baseLength = connection.fullKey('').length;
  const action = `list uploads of ${prefix}`;
  const tokens = new PageTokens(action);
  let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
  for (;;) {
    const page: ListMultipartUploadsCommandOutput = await connection.send({ action, signal }, abortSignal =>
      connection.client.send(
        new ListMultipartUploadsCommand({
          Bucket: connection.bucket,
          Prefix: connection.fullKey(prefix),
          ...requestParameters(connection.objects),
          ...from,
        }),
        { abortSignal },
      ),
    );
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? [])
      if (UploadId !== undefined && Initiated !== undefined)
        yield { key: Key.slice(baseLength), id: UploadId, lastWritten: Initiated };
    const { NextKeyMarker, NextUploadIdMarker } = page;
    if (page.IsTruncated !== true) return;
    if (NextKeyMarker === undefined || NextKeyMarker === '')
      throw new StoreError('damaged', `${action}: a cut page without its end`);
    tokens.follow(`${NextKeyMarker} ${NextUploadIdMarker ?? ''}`);
    from = {
      KeyMarker: NextKeyMarker,
      ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }),
    };
  }
}

/** Aborts uploads; an upload that is gone counts as removed. @throws StoreError `no-container` */
export async function abortUploads(
  connection: S3Connection,
  writes: readonly UnfinishedWrite[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  return await refusalsOf(writes, async ({ key, id }) => {
    try {
      await abortUpload({ connection, key, uploadId: id }, signal);
    } catch (error) {
      if (s3Code(error) !== 'NoSuchUpload') throw error;
    }
  });
}
