/**
 * The writing of one WAL file: encode it once, create it in each repository if absent, and tell a repetition from a
 * conflict (P1, P2).
 */
import { createHash, randomBytes } from 'node:crypto';
import { WalvaultError } from '../../base/errors/errors.ts';
import { BufferPool } from '../../base/bytes/buffer-pool.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { isStoreError, type ObjectStat } from '../../stores/store.ts';
import type { Codec } from '../encoding/codec.ts';
import { conflictKey, walKey, type SystemPath } from '../format/layout.ts';
import { signMetadata } from '../format/metadata-signature.ts';
import { decodeMetadata, encodeMetadata, type WalObjectMetadata } from '../format/object-metadata.ts';
import type { Repository } from '../repository.ts';
import { compareObject, type ArchivedDigest } from './compare-object.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';

/**
 * The largest plain size whose encoded object is kept in memory; a larger file is encoded once to hash and again to
 * send.
 */
export const inMemoryLimitBytes = 32 * 1024 ** 2;

/** A file that can be read several times with the same result. */
export interface PlainFile {
  readonly sizeBytes: number;
  /** SHA-256 of the content. */
  readonly sha256: string;
  /** The content in memory up to `inMemoryLimitBytes`; a larger file is read anew each time. */
  readonly content: Uint8Array | (() => ByteStream);
}

export interface WalObject {
  readonly system: SystemPath;
  readonly file: WalFileName;
  readonly key: string;
  readonly metadata: WalObjectMetadata;
  /** The encoded bytes, or a function that encodes the file again to the same bytes. */
  readonly body: Uint8Array | (() => ByteStream);
}

export interface WalObjectSource {
  readonly system: SystemPath;
  readonly file: WalFileName;
  readonly plain: PlainFile;
  readonly branch?: WalObjectMetadata['branch'];
  /**
   * Whether the object is stored under its digest key, beside an archived file of other content (`conflict keep`).
   */
  readonly asConflict?: boolean;
  /**
   * The pool that lends the buffer of a body in memory. The caller returns the buffer when nothing reads it any more.
   */
  readonly buffers?: BufferPool;
  /**
   * Whether the plain content may be overwritten by the encoded one. The pool has lent its buffer, too.
   */
  readonly mayOverwritePlain?: boolean;
}

/** Compresses, signs and encrypts the file; no byte is sent yet. */
export async function encodeWalObject(codec: Codec, source: WalObjectSource): Promise<WalObject> {
  const { system, file, plain, buffers = new BufferPool() } = source;
  const key =
    source.asConflict === true ? conflictKey(system, file, plain.sha256) : walKey(system, file, plain.sha256);
  const run = await codec.encode(key, 'wal');
  const { content } = plain;
  const body =
    typeof content === 'function'
      ? () => run.apply(content())
      : run.applyAtOnce(content, (sizeBytes, isPlainSpent) =>
          isPlainSpent && source.mayOverwritePlain === true
            ? buffers.takeOver(content, sizeBytes)
            : buffers.take(sizeBytes),
        );
  const hash = createHash('sha256');
  let storedSizeBytes = 0;
  for await (const chunk of typeof body === 'function' ? body() : [body]) {
    hash.update(chunk);
    storedSizeBytes += chunk.length;
  }
  const metadata: WalObjectMetadata = {
    sha256: plain.sha256,
    sizeBytes: plain.sizeBytes,
    storedSha256: hash.digest('hex'),
    storedSizeBytes,
    writeId: randomBytes(12).toString('hex'),
    branch: source.branch,
  };
  const signed = await signMetadata(await codec.keyring.signer(), key, metadata);
  return { system, file, key, metadata: signed, body };
}

export type StoreOutcome =
  | 'created'
  /** The repository has the same content already, and it is durable. */
  | 'identical'
  /** The repository has other content under the key; `conflict keep` has stored this content beside it. */
  | 'kept-beside';

/**
 * Stores the object unless its key is taken. On return the content is durable in this repository.
 * @throws WalvaultError `conflict` when other content is archived under the name
 * @throws StoreError when the store fails
 */
export async function storeWalObject(
  repository: Repository,
  object: WalObject,
  signal: AbortSignal,
): Promise<StoreOutcome> {
  const { store } = repository;
  const { body } = object;
  const isKept = typeof body !== 'function';
  try {
    await store.put(object.key, isKept ? [body] : body(), {
      ifAbsent: true,
      // Histories are read before anything else, and must never wait for a thaw.
      objectClass: object.key.endsWith('.history') ? 'catalog' : 'wal',
      metadata: encodeMetadata(object.metadata),
      sizeBytes: object.metadata.storedSizeBytes,
      sha256: object.metadata.storedSha256,
      isDigestOfBody: isKept,
      signal,
    });
    return 'created';
  } catch (error) {
    if (!isStoreError(error, 'exists')) throw error;
  }
  const existing = await store.head(object.key, { signal });
  if (existing === undefined) {
    throw new WalvaultError(
      'unreachable',
      `${store.url}: ${object.key} was refused as existing and then not found`,
      { retry: true },
    );
  }
  const outcome = await compareWithExisting(repository, object, existing, signal);
  // On a directory the first writer may have died between giving the file its name and fsyncing it.
  await store.makeDurable?.(object.key, { signal });
  return outcome;
}

async function compareWithExisting(
  repository: Repository,
  object: WalObject,
  existing: ObjectStat,
  signal: AbortSignal,
): Promise<StoreOutcome> {
  const stored = decodeMetadata(existing.metadata);
  const { writeId, storedSizeBytes } = object.metadata;
  if (stored?.writeId === writeId && existing.sizeBytes === storedSizeBytes) return 'created';
  const found = await compareObject(repository, object, existing, signal);
  switch (found.kind) {
    case 'same':
      return 'identical';
    case 'damaged':
      throw damagedObject(repository, object, found.problem);
    case 'unproven':
      throw unprovenObject(repository, object, found.problem);
    case 'unknown':
      throw withoutDigest(repository, object);
    case 'other':
      if (await isKeptBeside(repository, object, signal)) return 'kept-beside';
      throw conflictError(repository, object, found.archived, existing.modified);
  }
}

function withoutDigest({ store }: Repository, { key }: WalObject): WalvaultError {
  return new WalvaultError(
    'conflict',
    `${store.url}: ${key} exists, encrypted and without a digest to compare`,
    {
      hint: 'Its metadata was lost, probably in a copy. Decrypt it (`walvault store get --decode`, with a private key) and compare it with the file: if it is damaged, remove it with `walvault store rm --force`; else `walvault conflict keep` archives this content beside it.',
    },
  );
}

/** Success would let PostgreSQL remove a file that may be archived nowhere. */
function unprovenObject({ store }: Repository, { key, file }: WalObject, problem: string): WalvaultError {
  return new WalvaultError(
    'conflict',
    `${store.url}: nothing proves that ${key}, which is there already, is ${file.name}: it ${problem}`,
    {
      hint: `Somebody may have planted it. If another host of yours wrote it, name its public signing key in signing.trusted-signers. Otherwise remove it with \`walvault store rm --force ${key}\`: ${file.name} is then archived by the next attempt.`,
    },
  );
}

/** Another content could be another server's; this is nobody's, so there is no conflict to decide. */
function damagedObject({ store }: Repository, { key, file }: WalObject, problem: string): WalvaultError {
  return new WalvaultError('damaged', `${store.url}: ${key} is there, but damaged: ${problem}`, {
    hint: `Remove it with \`walvault store rm --force ${key}\`: ${file.name} is then archived by the next attempt.`,
  });
}

/** @throws WalvaultError `conflict` if there is something beside, and nothing proves what it is */
async function isKeptBeside(
  repository: Repository,
  object: WalObject,
  signal: AbortSignal,
): Promise<boolean> {
  const beside = { ...object, key: conflictKey(object.system, object.file, object.metadata.sha256) };
  if (beside.key === object.key) return false;
  const existing = await repository.store.head(beside.key, { signal });
  if (existing === undefined) return false;
  const found = await compareObject(repository, beside, existing, signal);
  if (found.kind === 'unproven') throw unprovenObject(repository, beside, found.problem);
  if (found.kind === 'damaged') throw damagedObject(repository, beside, found.problem);
  return found.kind === 'same';
}

function conflictError(
  repository: Repository,
  object: WalObject,
  archived: ArchivedDigest,
  archivedAt: Date,
): WalvaultError {
  const { file, metadata } = object;
  // Without metadata, nothing is known of the archived one.
  const isKnown = 'branch' in archived;
  if (
    file.kind === 'history' &&
    isKnown &&
    (metadata.branch === undefined) !== (archived.branch === undefined)
  )
    return historyConflict(repository, object);
  return new WalvaultError(
    'conflict',
    `${repository.store.url}: ${file.name} is archived with other content: archived ${archivedAt.toISOString()} ` +
      `sha256 ${archived.sha256.slice(0, 16)} (${archived.sizeBytes} bytes), this file sha256 ${metadata.sha256.slice(0, 16)} (${metadata.sizeBytes} bytes)`,
    {
      hint:
        file.kind === 'history'
          ? "Another server was promoted to the same timeline, or this is a restored copy archiving into its origin's repository. If this server is the wrong one, stop it or set archive_mode=off; if it is the right one, `walvault conflict keep` stores its file beside the archived one."
          : "Two servers write the same timeline, or this is a restored copy archiving into its origin's repository. If this server is the wrong one, stop it or set archive_mode=off; if it is the right one, promote it to a new timeline or let `walvault conflict keep` store its file beside the archived one.",
    },
  );
}

/** One of the two is no history: no second server is behind it. */
function historyConflict({ store }: Repository, { file, key, metadata }: WalObject): WalvaultError {
  return metadata.branch === undefined
    ? new WalvaultError('conflict', `${file.name} is no timeline history, and ${store.url} has a good one`, {
        hint: `Replace the file by the archived one: \`walvault fetch ${file.name} pg_wal/${file.name}\`.`,
      })
    : new WalvaultError('conflict', `${store.url}: the archived ${file.name} is no timeline history`, {
        hint: `Remove it with \`walvault store rm --force ${key}\`: this one is then archived by the next attempt.`,
      });
}
