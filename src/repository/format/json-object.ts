/**
 * Small JSON objects: the marker, cluster records, claims, commit records, notes.
 *
 * They are read with a size limit and checked by `Fields`. Commit records and notes have a detached OpenPGP signature
 * beside them (`<key>.sig`).
 */
import { createHash } from 'node:crypto';
import { objectBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { collect, TooLargeError } from '../../base/bytes/streams.ts';
import { signDetached, verifyDetached, type SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { isStoreError, StoreError, type Store } from '../../stores/store.ts';
import { signatureKey } from './layout.ts';
import type { Repository } from '../repository.ts';

/** Pretty-printed with a final newline: people read these with `less`. */
export function encodeJson(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`);
}

/** The content of the object, or undefined when the service says that the object does not exist. */
export async function readSmallObject(
  store: Store,
  key: string,
  options: { readonly limitBytes: number; readonly signal: AbortSignal },
): Promise<Buffer | undefined> {
  try {
    const { body } = await store.get(key, { signal: options.signal, withoutMetadata: true });
    return await collect(body, options.limitBytes);
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    if (error instanceof TooLargeError)
      throw new WalvaultError('damaged', `${store.url}: ${key} is larger than ${options.limitBytes} bytes`);
    throw error;
  }
}

/** Creates the object unless the key is taken; true if this call created it. */
export async function createSmallObject(
  store: Store,
  key: string,
  data: Buffer,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await putSmallObject(store, key, data, { ifAbsent: true, signal });
    return true;
  } catch (error) {
    if (isStoreError(error, 'exists')) return false;
    throw error;
  }
}

async function putSmallObject(
  store: Store,
  key: string,
  data: Buffer,
  { ifAbsent, signal }: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
): Promise<void> {
  await store.put(key, [data], {
    ifAbsent,
    objectClass: 'catalog',
    sizeBytes: data.length,
    sha256: sha256Hex(data),
    signal,
  });
}

export interface SignedWriting {
  /**
   * True for a key that only this host writes, or whose objects all say the same: what no trusted signer signed there is
   * replaced by an object that this host signs.
   */
  readonly isOwnKey: boolean;
  readonly signal: AbortSignal;
}

/**
 * Writes a signed object: the signature first, so that every reader of the object can check it. Without a signing key
 * the object is written alone, and readers treat it as unsigned.
 * @throws StoreError `exists` when the key, or that of the signature, is taken by other content
 */
export async function writeSignedObject(
  repository: Repository,
  key: string,
  data: Buffer,
  { isOwnKey, signal }: SignedWriting,
): Promise<void> {
  const { store } = repository;
  const signature = await makeSignature(repository, key, data);
  // A signature that is there may be that of an earlier attempt.
  const isSigned =
    signature === undefined ||
    (await createSmallObject(store, signatureKey(key), signature, signal)) ||
    (await readVerdict(repository, key, data, signal)).status === 'good';
  // With another's signature the object would be worse than unsigned.
  if (!isSigned && !isOwnKey) throw new StoreError('exists', `${store.url}: ${signatureKey(key)} exists`);
  if (isSigned && (await createSmallObject(store, key, data, signal))) return;
  // After a lost response, our own object looks like somebody else's; its content shows whose it is.
  const isOurSize = (await store.head(key, { signal }))?.sizeBytes === data.length;
  const existing = isOurSize
    ? await readSmallObject(store, key, { limitBytes: data.length, signal })
    : undefined;
  if (isSigned && existing?.equals(data) === true) return;
  // Without a signature nothing tells this object from a planted one.
  if (!isOwnKey || signature === undefined || (await isProven(repository, key, signal)))
    throw new StoreError('exists', `${store.url}: ${key} exists with other content`);
  await putSmallObject(store, signatureKey(key), signature, { ifAbsent: false, signal });
  await putSmallObject(store, key, data, { ifAbsent: false, signal });
}

/** True if a trusted signer signed what is there. */
async function isProven(repository: Repository, key: string, signal: AbortSignal): Promise<boolean> {
  const { store } = repository;
  const { sizeBytes = 0 } = (await store.head(key, { signal })) ?? {};
  if (sizeBytes > objectBounds.record.limitBytes) return false;
  const data = await readSmallObject(store, key, { limitBytes: sizeBytes, signal });
  return data !== undefined && (await readVerdict(repository, key, data, signal)).status === 'good';
}

/** The signature of `data` as the object `key`; undefined if the host has no signing key. */
async function makeSignature({ codec }: Repository, key: string, data: Buffer): Promise<Buffer | undefined> {
  const signer = await codec.keyring.signer();
  return signer && Buffer.from(await signDetached(signer, data, key));
}

/** The verdict on the signature of `data` as the object `key`. */
export async function readVerdict(
  repository: Repository,
  key: string,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<SignatureVerdict> {
  const signature = await readSignature(repository.store, key, signal);
  if (signature === undefined) return { status: 'unsigned' };
  if (signature === 'too large') return { status: 'bad', reason: 'the signature is too large to be one' };
  return verifyDetached(data, signature, key, await repository.codec.keyring.trustedSigners());
}

async function readSignature(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<Buffer | 'too large' | undefined> {
  try {
    return await readSmallObject(store, signatureKey(key), { ...objectBounds.signature, signal });
  } catch (error) {
    // Only the verdict on one object depends on it.
    if (error instanceof WalvaultError && error.code === 'damaged') return 'too large';
    throw error;
  }
}

export function sha256Hex(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
