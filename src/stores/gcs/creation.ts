/** What both ways of writing say about a new object: its name and metadata, its storage class, the condition. */
import type { PutOptions } from '../store.ts';
import type { GcsConnection, GcsStoreOptions } from './connection.ts';

export interface GcsPutSettings {
  readonly partSizeBytes: number;
  readonly storageClasses?: GcsStoreOptions['storageClasses'];
}

/** What the new object is to be, besides its bytes. */
export function resourceOf(
  connection: GcsConnection,
  key: string,
  { metadata, objectClass, storageClasses }: PutOptions & GcsPutSettings,
): Record<string, unknown> {
  const storageClass = objectClass === 'catalog' ? undefined : storageClasses?.[objectClass];
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
