/** The reading of one WAL object, checked against the metadata that was recorded when it was written. */
import { createHash } from 'node:crypto';
import { objectBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { describeVerdict, needsSignature } from '../encoding/signature-policy.ts';
import { tap, type ByteStream } from '../../base/bytes/streams.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import type { Turns } from '../../base/threads/turns.ts';
import { StoreError, type ObjectStat } from '../../stores/store.ts';
import { judgeMetadata } from '../format/metadata-signature.ts';
import { decodeMetadata, type WalObjectMetadata } from '../format/object-metadata.ts';
import type { Repository } from '../repository.ts';
import { inMemoryLimitBytes } from './write-object.ts';

export interface WalContent {
  readonly metadata: WalObjectMetadata | undefined;
  readonly modified: Date;
  /**
   * The plain file. The stream throws `damaged`, at the latest at its end, when size, digest or signature are wrong:
   * do not rely on its bytes until it has ended.
   */
  readonly plain: ByteStream;
  /** Frees a large buffer at once. Call it when the bytes of `plain` are no longer needed. */
  release(): void;
}

export interface OpenWalOptions {
  /** The most bytes that the plain file may have: the cluster's segment size, or the limit on a history. */
  readonly limitBytes: number;
  readonly signal: AbortSignal;
  /** Called for each chunk that arrives from the store. */
  readonly onReceived?: (() => void) | undefined;
  /** Called at the end with the verdict on the signatures, before the policy decides. */
  readonly onVerdict?: ((verdict: SignatureVerdict) => void) | undefined;
  /**
   * Turns shared by several readers: only one reader at a time holds a whole plain file, and each must call
   * `release`.
   */
  readonly turns?: Turns | undefined;
}

/** Opens a WAL object. @throws StoreError `absent`, `denied`, `cold`… */
export async function openWalObject(
  repository: Repository,
  key: string,
  { limitBytes, signal, onReceived = () => undefined, onVerdict, turns }: OpenWalOptions,
): Promise<WalContent> {
  const { stat, body } = await repository.store.get(key, { signal });
  const metadata = decodeMetadata(stat.metadata);
  const releases: (() => void)[] = [];
  const inMemory =
    metadata !== undefined && fitsInMemory(stat, metadata)
      ? { storedSizeBytes: stat.sizeBytes, plainSizeBytes: metadata.sizeBytes, releases, turns }
      : undefined;
  const verdict = await judgeMetadata(repository.codec.keyring, key, stat.metadata);
  let receivedBytes = 0;
  const counted = tap(body, chunk => {
    receivedBytes += chunk.length;
    onReceived();
  });
  const decoded = repository.codec.decode(key, counted, {
    limitBytes,
    signal,
    inMemory,
    beside: () => Promise.resolve(verdict),
    onVerdict,
  });
  const source = `${repository.store.url}: ${key}`;
  const verified = metadata === undefined ? decoded : verifyDigest(decoded, metadata, source);
  const isProven = verdict.status === 'good' || !needsSignature(repository.codec.policy);
  const disbelief = (error: unknown) =>
    isForeign(repository, error, receivedBytes === stat.sizeBytes)
      ? new NotBelievedError(error, describeVerdict(verdict))
      : error;
  const plain = isProven ? verified : rethrowing(verified, disbelief);
  return {
    metadata,
    modified: stat.modified,
    plain,
    release: () => releases.splice(0).forEach(release => release()),
  };
}

/** The most bytes that a file in the archive may have, by its name. */
export function mostBytesOfWalFile({ kind }: WalFileName, segmentSizeBytes: number): number {
  if (kind === 'history') return objectBounds.history.limitBytes;
  return kind === 'backup' ? objectBounds.backupLabel.limitBytes : segmentSizeBytes;
}

/**
 * The object cannot be read to a signature that the policy believes: somebody may have planted it. It is no damaged file
 * of the archive, and proves nothing.
 */
export class NotBelievedError extends WalvaultError {
  /** A phrase that follows the key. */
  readonly problem: string;

  constructor(failure: WalvaultError, problem: string) {
    super(failure.code, failure.message, { cause: failure, hint: failure.hint });
    this.problem = problem;
  }
}

async function* rethrowing(
  source: ByteStream,
  instead: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw instead(error);
  }
}

/** Of an object whose metadata proves nothing: true if the failure is its own fault, and no outage of ours. */
function isForeign({ codec }: Repository, error: unknown, hasArrived: boolean): error is WalvaultError {
  if (!(error instanceof WalvaultError)) return false;
  const { mode, privateKeys, passphrases } = codec.keyring.settings;
  // A host without any key opens nothing: it cannot tell a stranger's object from its own.
  if (error.code === 'key') return mode === 'none' || privateKeys.length + passphrases.length > 0;
  return error.code === 'damaged' && (hasArrived || !(error instanceof StoreError));
}

/** True if the object fits in memory; both sizes are known before a byte is decoded. */
function fitsInMemory(stat: ObjectStat, { sizeBytes }: WalObjectMetadata): boolean {
  return sizeBytes <= inMemoryLimitBytes && stat.sizeBytes <= inMemoryLimitBytes + mostOverheadBytes;
}

/** The most bytes that keys, signatures and frames add to data that does not compress. */
const mostOverheadBytes = 1024 ** 2;

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
