/** The reading of one object of a backup, checked against its commit record. */
import { atMost } from '../../base/bytes/at-most.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { digestStream } from '../../pipeline/digest.ts';
import { plainLimitOf, type BackupRecord, type StoredPiece } from '../format/backup-record.ts';
import type { Repository } from '../repository.ts';
import { isStoreError } from '../../stores/store.ts';

export interface PieceSource {
  readonly key: string;
  /** Bounds what the piece may decode to. */
  readonly record: Pick<BackupRecord, 'sizeBytes' | 'fileCount'>;
  readonly piece: StoredPiece;
  /** True: `use` is done with a chunk when it asks for the next one, and nobody else waits for this thread. */
  readonly chunkByChunk?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Gives `use` the decoded bytes, which it must not trust yet; returns only when the stored bytes are exactly the
 * bytes of the commit record, which the policy has believed.
 * @throws WalvaultError `damaged` naming the object
 */
export async function readPiece(
  repository: Repository,
  { key, record, piece, chunkByChunk, signal }: PieceSource,
  use: (decoded: ByteStream) => Promise<void>,
): Promise<void> {
  const what = `${repository.store.url}: ${key}`;
  const digest = digestStream();
  try {
    // The commit record has a digest, too: that of the metadata would be a second one over all bytes.
    const { body } = await repository.store.get(key, { signal, withoutMetadata: true, chunkByChunk });
    const committed = { limitBytes: piece.storedSizeBytes, signal, what: 'it has' };
    const stored = digest.transform(atMost(body, committed));
    // The stream holds an open file or connection, even when `use` stops reading.
    await using decoded = repository.codec.decode(key, stored, {
      limitBytes: plainLimitOf(record, piece),
      signal,
      beside: 'believed',
      chunkByChunk,
    });
    await use(undisturbed(decoded));
    // A reader may stop before the end of the stream, but the codec's last checks happen at the end.
    for await (const _ of decoded) throw new WalvaultError('damaged', 'it goes on after its end');
  } catch (error) {
    throw named(error, what);
  }
  const { sizeBytes, sha256 } = digest.result();
  if (sizeBytes !== piece.storedSizeBytes || sha256 !== piece.storedSha256)
    throw new WalvaultError('damaged', `${what}: it is not what the commit record says was stored`);
}

/** Reads up to the first decoded byte. @throws WalvaultError `key` when no private key or passphrase fits */
export async function proveOpens(
  repository: Repository,
  { key, record, piece, signal }: PieceSource,
): Promise<void> {
  try {
    const { body } = await repository.store.get(key, { signal });
    await using decoded = repository.codec.decode(key, body, {
      limitBytes: plainLimitOf(record, piece),
      signal,
    });
    await decoded.next();
  } catch (error) {
    throw named(error, `${repository.store.url}: ${key}`);
  }
}

/** The same bytes; a reader that stops early leaves the source open for its owner. */
function undisturbed(source: AsyncGenerator<Uint8Array>): ByteStream {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}

function named(error: unknown, what: string): unknown {
  if (isStoreError(error, 'absent'))
    return new WalvaultError('damaged', `${what}: it is missing`, { cause: error });
  if (!(error instanceof WalvaultError) || error.code !== 'damaged' || error.message.startsWith(what))
    return error;
  return new WalvaultError('damaged', `${what}: ${error.message}`, { hint: error.hint, cause: error });
}
