/** Multipart uploads that nobody completed: no listing shows them, and they are paid for. */
import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import {
  isStoreError,
  StoreError,
  type CallOptions,
  type DeleteFailure,
  type UnfinishedWrite,
} from '../store.ts';
import type { S3Connection } from './connection.ts';
import { s3Code } from './error.ts';
import { requestParameters } from './parameters.ts';

/** @throws StoreError `denied`… */
export async function* listUploads(
  connection: S3Connection,
  { prefix, signal }: CallOptions & { readonly prefix: string },
): AsyncGenerator<UnfinishedWrite> {
  const baseLength = connection.fullKey('').length;
  let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
  for (;;) {
    const page: ListMultipartUploadsCommandOutput = await connection.send(
      { action: `list uploads of ${prefix}`, signal },
      abortSignal =>
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
    if (NextKeyMarker === undefined)
      throw new StoreError('damaged', `list uploads of ${prefix}: a cut page without its end`);
    from = {
      KeyMarker: NextKeyMarker,
      ...(NextUploadIdMarker !== undefined && { UploadIdMarker: NextUploadIdMarker }),
    };
  }
}

export async function abortUploads(
  connection: S3Connection,
  writes: readonly UnfinishedWrite[],
  { signal }: CallOptions,
): Promise<DeleteFailure[]> {
  const failures: DeleteFailure[] = [];
  for (const { key, id } of writes) {
    try {
      await connection.send({ action: `abort the upload of ${key}`, signal }, abortSignal =>
        connection.client.send(
          new AbortMultipartUploadCommand({
            Bucket: connection.bucket,
            Key: connection.fullKey(key),
            UploadId: id,
            ...requestParameters(connection.objects),
          }),
          { abortSignal },
        ),
      );
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const isGone = s3Code(error) === 'NoSuchUpload' || isStoreError(error, 'absent');
      if (!isGone) failures.push({ key, error });
    }
  }
  return failures;
}
