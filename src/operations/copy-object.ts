/** The copy of one object from one store to another, byte for byte, with proof that it has arrived. */
import { createHash } from 'node:crypto';
import { collect, type ByteStream } from '../base/bytes/streams.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import { isBelieved } from '../repository/encoding/signature-policy.ts';
import { judgeMetadata } from '../repository/format/metadata-signature.ts';
import { decodeMetadata } from '../repository/format/object-metadata.ts';
import type { Repository } from '../repository/repository.ts';
import { isStoreError, StoreError, type ObjectClass, type ObjectStat, type Store } from '../stores/store.ts';

/** Two repositories, and what wants to know how the copies of objects fare. */
export interface ObjectCopying {
  readonly from: Repository;
  readonly to: Repository;
  readonly isDryRun: boolean;
  readonly report: CopyOutcomes;
  readonly signal: AbortSignal;
}

export interface CopyOutcomes {
  addCopied(sizeBytes: number): void;
  addIdentical(): void;
  /** The target has other content under the key. */
  addConflict(key: string, problem: string): void;
  /** The object could not be copied: damaged, gone meanwhile, or in a cold tier. */
  addFailure(key: string, problem: string): void;
}

export interface StoredDigest {
  /** SHA-256 of the stored bytes, 64 hex digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface CopiedObject {
  readonly key: string;
  readonly objectClass: ObjectClass;
  /** The digest that the stored bytes must have; default: the digest in the object's metadata, if any. */
  readonly digest?: StoredDigest | undefined;
  /** False: the target is known not to have the key. */
  readonly mayExist: boolean;
  /** The stored size, which a dry run counts. */
  readonly sizeBytes: number;
}

/** The largest object that is held in memory: it is checked before it is sent, and can be sent again. */
const inMemoryBytes = 8 * 1024 ** 2;

/**
 * Copies unless the target has the key. The report receives conflicts, damage, and objects that are gone or cold.
 * @returns true when the target holds the object, durable, as the source does
 * @throws StoreError when a store fails altogether; a copy is begun again where it stopped
 */
export async function copyObject(context: ObjectCopying, object: CopiedObject): Promise<boolean> {
  const { report, signal } = context;
  try {
    if (object.mayExist) {
      const verdict = await compare(context, object);
      if (verdict !== 'absent') return await conclude(context, object.key, verdict);
    }
    if (context.isDryRun) {
      report.addCopied(object.sizeBytes);
      return true;
    }
    try {
      report.addCopied(await transfer(context, object));
      return true;
    } catch (error) {
      if (!isStoreError(error, 'exists')) throw error;
    }
    const verdict = await compare(context, object);
    return await conclude(context, object.key, verdict);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WalvaultError) || isOutage(error)) throw error;
    report.addFailure(object.key, error.message);
    return false;
  }
}

/** True for an error that the next object would meet too. */
function isOutage(error: WalvaultError): boolean {
  if (!(error instanceof StoreError)) return error.code !== 'damaged';
  return !['absent', 'cold', 'damaged', 'invalid'].includes(error.kind);
}

async function conclude(
  { to, report, isDryRun, signal }: ObjectCopying,
  key: string,
  verdict: 'identical' | 'different' | 'absent',
): Promise<boolean> {
  if (verdict !== 'identical') {
    report.addConflict(
      key,
      verdict === 'different'
        ? `repository "${to.name}" holds other content under this name`
        : `repository "${to.name}" refused it as existing and then did not have it`,
    );
    return false;
  }
  // In a directory, the writer may have died before the object was on disk.
  if (!isDryRun) await to.store.makeDurable?.(key, { signal });
  report.addIdentical();
  return true;
}

async function compare(
  { from, to, signal }: ObjectCopying,
  { key, digest }: CopiedObject,
): Promise<'identical' | 'different' | 'absent'> {
  const theirs = await to.store.head(key, { signal });
  if (theirs === undefined) return 'absent';
  const ours = await from.store.head(key, { signal });
  if (ours === undefined) throw new StoreError('absent', `${key}: has gone from the source meanwhile`);
  // A stranger's object may claim any digest.
  const proof = await judgeMetadata(to.codec.keyring, key, theirs.metadata);
  const verdict = judgeByMetadata(ours, theirs);
  const isProven =
    isBelieved(proof, to.codec.policy) &&
    theirs.sizeBytes === (storedDigestOf(theirs)?.sizeBytes ?? theirs.sizeBytes);
  if (isProven && verdict !== 'unknown') return verdict;
  const expected = digest ?? storedDigestOf(ours);
  if (theirs.sizeBytes !== (expected?.sizeBytes ?? ours.sizeBytes)) return 'different';
  const wanted = expected?.sha256 ?? (await hashStored(from.store, key, signal));
  return (await hashStored(to.store, key, signal)) === wanted ? 'identical' : 'different';
}

/**
 * Tells from their metadata whether two objects of one key hold the same file. `unknown`: the metadata says too
 * little, and the stored bytes must be compared. A file that is encoded twice has two different stored forms: the
 * plain digest decides.
 */
function judgeByMetadata(source: ObjectStat, target: ObjectStat): 'identical' | 'different' | 'unknown' {
  const [a, b] = [decodeMetadata(source.metadata), decodeMetadata(target.metadata)];
  if (a !== undefined && b !== undefined)
    return a.sha256 === b.sha256 && a.sizeBytes === b.sizeBytes ? 'identical' : 'different';
  const [ours, theirs] = [source.metadata['writeid'], target.metadata['writeid']];
  const isSameWrite = ours !== undefined && ours === theirs && source.sizeBytes === target.sizeBytes;
  return isSameWrite ? 'identical' : 'unknown';
}

/** The digest of the stored bytes in the metadata. */
export function storedDigestOf({ metadata }: Pick<ObjectStat, 'metadata'>): StoredDigest | undefined {
  const decoded = decodeMetadata(metadata);
  return decoded && { sha256: decoded.storedSha256, sizeBytes: decoded.storedSizeBytes };
}

/**
 * Sends the object.
 * @returns its size in bytes
 */
async function transfer({ from, to, signal }: ObjectCopying, object: CopiedObject): Promise<number> {
  const { key, objectClass } = object;
  const { stat, body } = await from.store.get(key, { signal });
  const { sizeBytes, metadata } = stat;
  const digest = object.digest ?? storedDigestOf(stat);
  const arrived = createHash('sha256');
  const source = checked(body, { arrived, stat, digest, origin: from.store.url });
  const content = sizeBytes <= inMemoryBytes ? [await collect(source, inMemoryBytes)] : source;
  await to.store.put(key, content, {
    ifAbsent: true,
    objectClass,
    metadata,
    sizeBytes,
    sha256: digest?.sha256,
    signal,
  });
  if (digest === undefined && (await hashStored(to.store, key, signal)) !== arrived.digest('hex'))
    throw new StoreError('damaged', `${to.store.url}: ${key} reads back as something else than was written`);
  return sizeBytes;
}

interface Check {
  readonly arrived: ReturnType<typeof createHash>;
  readonly stat: ObjectStat;
  readonly digest: StoredDigest | undefined;
  readonly origin: string;
}

/** The same bytes, with an error at the end, so that the put stores nothing, unless they have the recorded digest. */
async function* checked(
  source: ByteStream,
  { arrived, stat, digest, origin }: Check,
): AsyncGenerator<Uint8Array> {
  const recorded = digest && createHash('sha256');
  const hash = recorded ?? arrived;
  let sizeBytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    yield chunk;
  }
  const isRight =
    sizeBytes === (digest?.sizeBytes ?? stat.sizeBytes) &&
    (digest === undefined || recorded?.digest('hex') === digest.sha256);
  if (!isRight)
    throw new StoreError('damaged', `${origin}: ${stat.key} is not what was recorded when it was written`);
}

async function hashStored(store: Store, key: string, signal: AbortSignal): Promise<string> {
  const { body } = await store.get(key, { signal });
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}
