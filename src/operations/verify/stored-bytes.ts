/** The stored bytes of an object, compared with the digest that was recorded for them: no key is needed for that. */
import { createHash } from 'node:crypto';
import type { StoredPiece } from '../../repository/format/backup-record.ts';
import { judgeMetadata } from '../../repository/format/metadata-signature.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { isStoreError, type ObjectStat } from '../../stores/store.ts';
import { storedDigestOf, type StoredDigest } from '../copy-object.ts';

export interface StoredBytes {
  readonly stat: ObjectStat;
  /** What was recorded; undefined: nothing was. */
  readonly recorded: StoredDigest | undefined;
  readonly sizeBytes: number;
  readonly isAsRecorded: boolean;
  /** On the metadata, which has the digest unless a record has it. */
  readonly verdict: SignatureVerdict;
}

/**
 * Reads the object to its end.
 * @param record what a commit record says; default: what its own metadata says
 * @throws StoreError `absent`, `cold`…
 */
export async function readStoredBytes(
  repository: Repository,
  key: string,
  record: StoredDigest | undefined,
  signal: AbortSignal,
): Promise<StoredBytes> {
  const { stat, body } = await repository.store.get(key, { signal });
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
  } catch (error) {
    // A driver compares the body with a checksum of its own.
    if (!isStoreError(error, 'damaged')) throw error;
    sizeBytes = -1;
  }
  const recorded = record ?? storedDigestOf(stat);
  return {
    stat,
    recorded,
    sizeBytes,
    isAsRecorded:
      sizeBytes >= 0 &&
      (recorded === undefined ||
        (sizeBytes === recorded.sizeBytes && hash.digest('hex') === recorded.sha256)),
    verdict: await judgeMetadata(repository.codec.keyring, key, stat.metadata),
  };
}

export const notAsRecorded = 'its stored bytes are not those of its commit record';

/** Of an object that is small beside parts, which is read for this before it is decoded. `missing`: the listing has told. */
export async function storedState(
  repository: Repository,
  key: string,
  { storedSha256: sha256, storedSizeBytes: sizeBytes }: StoredPiece,
  signal: AbortSignal,
): Promise<'same' | 'changed' | 'missing' | 'cold'> {
  try {
    const { isAsRecorded } = await readStoredBytes(repository, key, { sha256, sizeBytes }, signal);
    return isAsRecorded ? 'same' : 'changed';
  } catch (error) {
    if (isStoreError(error, 'absent')) return 'missing';
    if (isStoreError(error, 'cold')) return 'cold';
    throw error;
  }
}
