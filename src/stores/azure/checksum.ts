/** The MD5 that a request carries for the service to verify. */
import { createHash } from 'node:crypto';
import type { AzureConnection } from './connection.ts';

/** The MD5 of a body. Undefined if it is not configured: by default TLS protects the bytes. */
export function md5Of({ contentMd5 }: AzureConnection, body: Uint8Array): Uint8Array | undefined {
  return contentMd5 ? createHash('md5').update(body).digest() : undefined;
}
