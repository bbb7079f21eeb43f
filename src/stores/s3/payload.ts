/** The protection of a request's bytes on their way: always a CRC-32, and a SHA-256 in the signature where needed. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from '../../base/checksum/crc32.ts';
import { crcToBase64 } from '../driver-kit/crc-base64.ts';
import type { S3Connection } from './connection.ts';

/** Parameters of PutObject and UploadPart. Ceph verifies the checksum only if the algorithm's header is there too. */
export interface ChecksumParameters {
  readonly ChecksumAlgorithm: 'CRC32';
  readonly ChecksumCRC32: string;
}

export function checksumOf(body: readonly Uint8Array[]): ChecksumParameters {
  const checksum = body.reduce((crc, chunk) => crc32(chunk, crc), 0);
  return { ChecksumAlgorithm: 'CRC32', ChecksumCRC32: crcToBase64(checksum) };
}

const sliceBytes = 1024 * 1024;

/**
 * The body for the SDK. A long body goes in slices, at the speed of the connection: otherwise TLS would encrypt all of
 * it at once, into as much memory again. It is read once; a repeated request needs a new one.
 */
export function bodyOf(body: readonly Uint8Array[]): Uint8Array | Readable {
  const [only] = body;
  if (body.length === 1 && only !== undefined && only.length <= sliceBytes) return only;
  return Readable.from(slicesOf(body), { objectMode: false, highWaterMark: sliceBytes });
}

function* slicesOf(body: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const chunk of body)
    for (let at = 0; at < chunk.length; at += sliceBytes) yield chunk.subarray(at, at + sliceBytes);
}

/**
 * Sets `x-amz-content-sha256`, which the signature covers (Signature Version 4, "Task 1"). Without this header the SDK
 * would hash every body, also under TLS. A known `sha256` saves the hashing.
 */
export function protectPayload(
  connection: Pick<S3Connection, 'payload'>,
  command: HasMiddleware,
  body: readonly Uint8Array[],
  sha256?: string,
): void {
  const value = connection.payload === 'unsigned' ? 'UNSIGNED-PAYLOAD' : (sha256 ?? digestOf(body));
  setHeader(command, 'x-amz-content-sha256', value);
}

interface Step {
  readonly step: 'build';
  readonly priority: 'low';
  readonly name: string;
}

// The part of the SDK's generic commands that is needed to set a header.
export interface HasMiddleware {
  readonly middlewareStack: {
    add(
      middleware: <Args extends { request: unknown }, Result>(
        next: (args: Args) => Promise<Result>,
      ) => (args: Args) => Promise<Result>,
      options: Step,
    ): void;
  };
}

export function setHeader(command: HasMiddleware, name: string, value: string): void {
  command.middlewareStack.add(
    next => async args => {
      (args.request as { headers: Record<string, string> }).headers[name] = value;
      return await next(args);
    },
    { step: 'build', priority: 'low', name: `set-${name}` },
  );
}

function digestOf(body: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}
