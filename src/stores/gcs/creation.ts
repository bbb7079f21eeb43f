/** The parameters of a new object, for both kinds of upload: name, metadata, storage class, and the condition. */
import { storageClassFor, type StorageClasses } from '../driver-kit/service-options.ts';
import type { PutOptions } from '../store.ts';
import type { GcsConnection } from './connection.ts';

export interface GcsPutSettings {
  readonly storageClasses?: StorageClasses | undefined;
}

/** The new object's description in the JSON API. */
export function resourceOf(
  connection: GcsConnection,
  key: string,
  { metadata, objectClass, storageClasses }: PutOptions & GcsPutSettings,
): Record<string, unknown> {
  const storageClass = storageClassFor(objectClass, storageClasses);
  return {
    name: connection.fullKey(key),
    contentType: 'application/octet-stream',
    ...(metadata && { metadata }),
    ...(storageClass !== undefined && { storageClass }),
  };
}

export function uploadPath(
  { bucket }: GcsConnection,
  uploadType: 'multipart' | 'resumable',
  { ifAbsent }: Pick<PutOptions, 'ifAbsent'>,
): string {
  const query = new URLSearchParams({ uploadType, fields: 'generation' });
  if (ifAbsent) query.set('ifGenerationMatch', '0');
  return `/upload/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`;
}
