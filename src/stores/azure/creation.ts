/** The parameters of a new blob, for both kinds of upload: metadata, tier, and the condition. */
import { storageClassFor, type StorageClasses } from '../driver-kit/service-options.ts';
import type { PutOptions } from '../store.ts';
import { toAzureMetadata } from './metadata.ts';

export interface AzurePutSettings {
  readonly storageClasses?: StorageClasses | undefined;
}

/** The parameters of a new blob. `crc32` is that of the whole body. */
export function creationOptions(
  { ifAbsent, metadata, objectClass, storageClasses }: PutOptions & AzurePutSettings,
  crc32: number,
) {
  const tier = storageClassFor(objectClass, storageClasses);
  return {
    metadata: toAzureMetadata(metadata, crc32),
    blobHTTPHeaders: { blobContentType: 'application/octet-stream' },
    ...(tier !== undefined && { tier }),
    ...(ifAbsent && { conditions: { ifNoneMatch: '*' } }),
  };
}
