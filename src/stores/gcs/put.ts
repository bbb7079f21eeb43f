/**
 * Writing to Cloud Storage. What is in memory or fits one part goes as one request, a longer stream as a resumable upload. Both are
 * created with `ifGenerationMatch=0`, so that the service itself decides who was first, and both carry a CRC-32C that
 * it verifies.
 */
import { randomBytes } from 'node:crypto';
import { announcedSizeBytes, BodyCheck, isOneRequest, streamOfBody } from '../body.ts';
import { PartReader } from '../driver-kit/part-reader.ts';
import { retryTransient } from '../driver-kit/retry.ts';
import type { PutBody, PutOptions } from '../store.ts';
import { Crc32c } from './checksum.ts';
import { readNothing, type GcsConnection } from './connection.ts';
import { resourceOf, uploadPath, type GcsPutSettings } from './creation.ts';
import { putResumable } from './resumable.ts';

/** @throws StoreError as `Store.put` */
export async function putObject(
  connection: GcsConnection,
  key: string,
  body: PutBody,
  options: PutOptions & GcsPutSettings,
): Promise<void> {
  const sizeBytes = options.sizeBytes ?? announcedSizeBytes(body, options);
  const check = new BodyCheck(key, { ...options, sizeBytes });
  if (isOneRequest(body, options)) {
    for (const chunk of body) check.update(chunk);
    check.finish();
    await putWhole(connection, key, body, options);
    return;
  }
  const parts = new PartReader(streamOfBody(body), check, options.partSizeBytes);
  try {
    const first = await parts.next(options.signal);
    // A stream is ours to repeat while it is in our hands: the retry decorator cannot.
    if (first === undefined || first.isLast) {
      check.finish();
      const data = first === undefined ? [] : [first.data];
      await retryTransient(() => putWhole(connection, key, data, options), options.signal);
    } else {
      await putResumable(connection, key, { first, parts, check }, options);
    }
  } finally {
    await parts.close();
  }
}

/** `crc32c` is for the one who wants to send a wrong one. */
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
    readNothing,
  );
}

function checksumOf(body: readonly Uint8Array[]): string {
  const crc = new Crc32c();
  for (const chunk of body) crc.update(chunk);
  return crc.toBase64();
}
