/** Reading one WAL object back, checked against what was recorded when it was written. */
import { createHash } from 'node:crypto';
import { WalvaultError } from '../base/errors.ts';
import { tap, type ByteStream } from '../base/bytes.ts';
import { decodeMetadata, type WalObjectMetadata } from './object-metadata.ts';
import type { Repository } from './repository.ts';

export interface WalContent {
  readonly metadata: WalObjectMetadata | undefined;
  readonly modified: Date;
  /**
   * The plain file. It throws `damaged` at the latest at its end when size, digest or signature are wrong: nothing
   * that came out of it counts until it has ended.
   */
  readonly plain: ByteStream;
}

/** @throws StoreError `absent`, `denied`, `cold`… */
export async function openWalObject(
  repository: Repository,
  key: string,
  signal: AbortSignal,
  /** Called for each chunk that arrives from the store. */
  onReceived: () => void = () => undefined,
): Promise<WalContent> {
  const { stat, body } = await repository.store.get(key, { signal });
  const metadata = decodeMetadata(stat.metadata);
  const decoded = repository.codec.decode(key, tap(body, onReceived));
  const plain =
    metadata === undefined ? decoded : verifyDigest(decoded, metadata, `${repository.store.url}: ${key}`);
  return { metadata, modified: stat.modified, plain };
}

async function* verifyDigest(
  source: ByteStream,
  expected: WalObjectMetadata,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > expected.sizeBytes) break;
    yield chunk;
  }
  if (sizeBytes !== expected.sizeBytes) {
    throw new WalvaultError(
      'damaged',
      `${what}: decodes to ${sizeBytes > expected.sizeBytes ? 'more' : 'fewer'} bytes than the ${expected.sizeBytes} archived`,
    );
  }
  if (hash.digest('hex') !== expected.sha256)
    throw new WalvaultError('damaged', `${what}: content does not have the digest it was archived with`);
}
