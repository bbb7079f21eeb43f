/**
 * Writing to Google Cloud Storage. A body in memory, or one that fits into one part, goes as one request, a longer stream as a
 * resumable upload. Both use `ifGenerationMatch=0`, so that the service itself decides which writer was first, and both
 * carry a CRC-32C that the service verifies.
 */
import { randomBytes } from 'node:crypto';
import { putBody } from '../driver-kit/put-body.ts';
import type { PutBody, PutOptions } from '../store.ts';
import { Crc32c } from './checksum.ts';
import { discardBody, type GcsConnection } from './connection.ts';
import { resourceOf, uploadPath, type GcsPutSettings } from './creation.ts';
import { putInParts } from './put-parts.ts';

/** @throws StoreError as `Store.put` */
export async function putObject(
  connection: GcsConnection,
  key: string,
  body: PutBody,
  options: PutOptions & GcsPutSettings & { readonly partSizeBytes: number },
): Promise<void> {
  await putBody(key, body, {
    ...options,
    maxParts: Infinity,
    writeWhole: body => putWhole(connection, key, body, options),
    writeInParts: body => putInParts(connection, key, body, options),
  });
}

/** One request with the whole object. `crc32c` replaces the body's own: a probe sends a wrong one. */
export async function putWhole(
  connection: GcsConnection,
  key: string,
  body: readonly Uint8Array[],
  options: PutOptions & GcsPutSettings & { readonly crc32c?: string },
): Promise<void> {
  const crc32c = options.crc32c ?? checksumOf(body);
  const boundary = randomBytes(16).toString('hex');
  const head =
    `--${boundary}\r\ncontent-type: application/json\r\n\r\n` +
    `${JSON.stringify({ ...resourceOf(connection, key, options), crc32c })}\r\n` +
    `--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  await connection.send(
    { action: `put ${key}`, signal: options.signal, limit: 'idle', notFound: 'no-container' },
    {
      method: 'POST',
      path: uploadPath(connection, 'multipart', options),
      headers: { 'content-type': `multipart/related; boundary=${boundary}` },
      body: [Buffer.from(head), ...body, Buffer.from(`\r\n--${boundary}--\r\n`)],
    },
    discardBody,
  );
}

function checksumOf(body: readonly Uint8Array[]): string {
  const crc = new Crc32c();
  for (const chunk of body) crc.update(chunk);
  return crc.toBase64();
}
