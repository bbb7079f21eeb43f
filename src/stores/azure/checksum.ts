/** The MD5 that a request carries for the service to verify. */
import { createHash } from 'node:crypto';
import type { AzureConnection } from './connection.ts';

/** Undefined where TLS protects the bytes, and nobody has asked for it all the same. */
export function md5Of({ contentMd5 }: AzureConnection, body: Uint8Array): Uint8Array | undefined {
  return contentMd5 ? createHash('md5').update(body).digest() : undefined;
}
