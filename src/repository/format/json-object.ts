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
    const { body } = await store.get(key, { signal: options.signal });
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
    await store.put(key, [data], {
      ifAbsent: true,
      objectClass: 'catalog',
      sizeBytes: data.length,
      sha256: sha256Hex(data),
      signal,
    });
    return true;
  } catch (error) {
    if (isStoreError(error, 'exists')) return false;
    throw error;
  }
}

/**
 * Writes a signed object: the signature first, so that every reader of the object can check it. Without a signing key
 * the object is written alone, and readers treat it as unsigned.
 * @throws StoreError `exists` when the key is taken by other content
 */
export async function writeSignedObject(
  repository: Repository,
  key: string,
  data: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const { store } = repository;
  await writeSignature(repository, key, data, signal);
  if (await createSmallObject(store, key, data, signal)) return;
  // After a lost response, our own object looks like somebody else's; its content shows whose it is.
  const isOurSize = (await store.head(key, { signal }))?.sizeBytes === data.length;
  const existing = isOurSize
    ? await readSmallObject(store, key, { limitBytes: data.length, signal })
    : undefined;
  if (existing?.equals(data) !== true)
    throw new StoreError('exists', `${store.url}: ${key} exists with other content`);
}

/** Writes the signature of `data` as the object `key`, if the host has a signing key. */
export async function writeSignature(
  { store, codec }: Repository,
  key: string,
  data: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const signer = await codec.keyring.signer();
  if (signer === undefined) return;
  const signature = Buffer.from(await signDetached(signer, data, key));
  await createSmallObject(store, signatureKey(key), signature, signal);
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
