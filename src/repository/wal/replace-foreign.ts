/**
 * The replacement of an object that somebody has planted under the key of a WAL file, so that nobody can stop the
 * archiving by it (docs/adr/0012). What a trusted signer signed is never replaced.
 */
import { createHash } from 'node:crypto';
import { isStoreError, type ObjectStat, type PutOptions } from '../../stores/store.ts';
import { needsSignature } from '../encoding/signature-policy.ts';
import { conflictKey, type SystemPath } from '../format/layout.ts';
import { judgeMetadata } from '../format/metadata-signature.ts';
import { encodeMetadata } from '../format/object-metadata.ts';
import type { Repository } from '../repository.ts';
import type { ComparedFile } from './compare-object.ts';

/** True where a signature is required, and the metadata of what is there proves nothing. */
export async function isUnproven(
  { codec }: Repository,
  key: string,
  { metadata }: Pick<ObjectStat, 'metadata'>,
): Promise<boolean> {
  if (!needsSignature(codec.policy)) return false;
  return (await judgeMetadata(codec.keyring, key, metadata)).status !== 'good';
}

/**
 * True if what is there is unproven, and this object would be believed in its place. The caller has found that the
 * content of what is there proves nothing either.
 */
export async function mayReplace(
  repository: Repository,
  { key, metadata }: ComparedFile,
  existing: ObjectStat,
): Promise<boolean> {
  if (!(await isUnproven(repository, key, existing))) return false;
  return !(await isUnproven(repository, key, { metadata: encodeMetadata(metadata) }));
}

/**
 * Keeps what is there beside, as evidence, and because a host without a private key cannot see a signature inside it.
 * Nothing is kept of an object above `limitBytes`.
 * @returns the key, if it was kept
 * @throws StoreError
 */
export async function setAside(
  { store }: Repository,
  object: ComparedFile & { readonly system: SystemPath },
  { sizeBytes, metadata }: ObjectStat,
  { limitBytes, signal }: { readonly limitBytes: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (sizeBytes > limitBytes) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of (await store.get(object.key, { signal })).body) hash.update(chunk);
  const sha256 = hash.digest('hex');
  const key = conflictKey(object.system, object.file, sha256);
  const options: PutOptions = { ifAbsent: true, objectClass: 'wal', metadata, sizeBytes, sha256, signal };
  try {
    await store.put(key, (await store.get(object.key, { signal })).body, options);
  } catch (error) {
    if (!isStoreError(error, 'exists')) throw error;
  }
  return key;
}
