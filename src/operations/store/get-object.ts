/** `walvault store get`: the bytes of an object as stored, or decoded as fetch and restore decode them. */
import { createHash } from 'node:crypto';
import { objectBounds } from '../../base/bounds.ts';
import { collect, type ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { largestSegmentBytes } from '../../postgres/wal/geometry.ts';
import { describeVerdict } from '../../repository/encoding/signature-policy.ts';
import { readVerdict } from '../../repository/format/json-object.ts';
import { parseWalKey } from '../../repository/format/layout.ts';
import { mostBytesOfWalFile } from '../../repository/wal/read-object.ts';
import { decodeMetadata } from '../../repository/format/object-metadata.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Log } from '../../observe/events/events.ts';

export interface ReadStoredObjectOptions {
  readonly repository: Repository;
  readonly key: string;
  readonly isDecoded: boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Keys of commit records and notes; the largest record names each part of a backup. */
const signedJson = /\/catalog\/(backups|notes)\/.+\.json$/;

/**
 * Yields the bytes. Decoded bytes count only once the stream has ended without an error: at its end the signer is
 * reported, and size and digest are compared where they were recorded.
 * @throws StoreError; at the stream's end WalvaultError `damaged`
 */
export async function* readStoredObject(options: ReadStoredObjectOptions): AsyncGenerator<Uint8Array> {
  const { repository, key, isDecoded, log, signal } = options;
  const { stat, body } = await repository.store.get(key, { signal });
  if (!isDecoded) {
    yield* body;
    return;
  }
  let verdict: SignatureVerdict = { status: 'unsigned' };
  if (signedJson.test(key)) {
    const data = await collect(body, objectBounds.record.limitBytes);
    verdict = await readVerdict(repository, key, data, signal);
    yield data;
  } else {
    const decoded = repository.codec.decode(key, body, {
      limitBytes: mostBytesOf(key),
      signal,
      onVerdict: found => (verdict = found),
    });
    const recorded = decodeMetadata(stat.metadata);
    yield* recorded === undefined ? decoded : verified(key, decoded, recorded);
  }
  log.emit({ kind: 'object-signature', object: key, verdict: describeVerdict(verdict) });
  if (verdict.status === 'bad') throw new WalvaultError('damaged', `${key} ${describeVerdict(verdict)}`);
}

/** The segment size of the cluster is not known here. */
function mostBytesOf(key: string): number {
  const wal = parseWalKey(key);
  return wal === undefined ? objectBounds.part.limitBytes : mostBytesOfWalFile(wal.file, largestSegmentBytes);
}

async function* verified(
  key: string,
  source: ByteStream,
  recorded: { readonly sha256: string; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    yield chunk;
  }
  if (sizeBytes !== recorded.sizeBytes || hash.digest('hex') !== recorded.sha256)
    throw new WalvaultError('damaged', `${key}: decodes to something else than was archived`);
}
