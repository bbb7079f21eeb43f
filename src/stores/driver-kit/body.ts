/** Bodies and ranges for drivers: one shape for both kinds of body, and checks against the announced size and digest. */
import { createHash, type Hash } from 'node:crypto';
import { StoreError, type GetOptions, type PutBody, type PutOptions } from '../store.ts';

export function isInMemory(body: PutBody): body is readonly Uint8Array[] {
  return Array.isArray(body);
}

/**
 * A body in memory up to this size goes as one conditional request, whatever the part size: not every service looks at
 * the condition when it joins parts (Ceph before release 20). A pushed segment of up to 32 MiB is in memory.
 */
const oneRequestLimitBytes = 64 * 1024 ** 2;

export function isOneRequest(
  body: PutBody,
  options: Pick<PutOptions, 'sizeBytes'>,
): body is readonly Uint8Array[] {
  return isInMemory(body) && (announcedSizeBytes(body, options) ?? 0) <= oneRequestLimitBytes;
}

export async function* streamOfBody(body: PutBody): AsyncGenerator<Uint8Array> {
  yield* body;
}

/** The size of a body in memory, or the announced size of a stream, if there is one. */
export function announcedSizeBytes(
  body: PutBody,
  options: Pick<PutOptions, 'sizeBytes'>,
): number | undefined {
  return isInMemory(body) ? body.reduce((total, chunk) => total + chunk.length, 0) : options.sizeBytes;
}

type Announced = Pick<PutOptions, 'sizeBytes' | 'sha256' | 'isDigestOfBody' | 'digestAtEnd'>;

/** Counts and hashes a body while it is sent, and refuses a body that differs from the announced size or digest. */
export class BodyCheck {
  readonly #key: string;
  readonly #expected: Announced;
  readonly #hash: Hash | undefined;
  #sizeBytes = 0;

  /** `digest: 'always'` computes the SHA-256 even if none was announced. */
  constructor(key: string, expected: Announced, digest?: 'always') {
    this.#key = key;
    this.#expected = expected;
    const { sha256, isDigestOfBody, digestAtEnd } = expected;
    const isKnown = (sha256 !== undefined && isDigestOfBody === true) || digestAtEnd !== undefined;
    const isWanted = digest === 'always' || sha256 !== undefined;
    this.#hash = isWanted && !isKnown ? createHash('sha256') : undefined;
  }

  /** @throws StoreError `invalid` once the body is longer than announced */
  update(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    const { sizeBytes } = this.#expected;
    if (sizeBytes !== undefined && this.#sizeBytes > sizeBytes)
      throw new StoreError(
        'invalid',
        `put ${this.#key}: the body is longer than the announced ${sizeBytes} bytes`,
      );
    this.#hash?.update(chunk);
  }

  /** @throws StoreError `invalid` if the body was shorter than announced or has another digest */
  finish(): { readonly sizeBytes: number; readonly sha256: string | undefined } {
    const { sizeBytes, sha256, digestAtEnd } = this.#expected;
    if (sizeBytes !== undefined && this.#sizeBytes !== sizeBytes)
      throw new StoreError(
        'invalid',
        `put ${this.#key}: the body has ${this.#sizeBytes} bytes instead of the announced ${sizeBytes}`,
      );
    const actual = this.#hash === undefined ? (digestAtEnd?.() ?? sha256) : this.#hash.digest('hex');
    if (sha256 !== undefined && actual !== sha256)
      throw new StoreError(
        'invalid',
        `put ${this.#key}: the body's SHA-256 ${actual} is not the announced ${sha256}`,
      );
    return { sizeBytes: this.#sizeBytes, sha256: actual };
  }
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** @throws StoreError `invalid` for a range that is empty at any size of the object */
export function assertRange(key: string, range: GetOptions['range']): void {
  if (range === undefined) return;
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || start < 0 || (end !== undefined && !(end > start)))
    throw new StoreError('invalid', `get ${key}: the range ${start}..${end ?? ''} holds no byte`);
}

/**
 * The bytes of a range in an object of this size; an end past the object is cut.
 * @throws StoreError `invalid` if it starts at or past the end, where S3 answers 416
 */
export function resolveRange(key: string, range: GetOptions['range'], sizeBytes: number): ByteRange {
  if (range === undefined) return { start: 0, end: sizeBytes };
  if (range.start >= sizeBytes)
    throw new StoreError(
      'invalid',
      `get ${key}: the range starts at ${range.start}, the object has ${sizeBytes} bytes`,
    );
  return { start: range.start, end: Math.min(range.end ?? sizeBytes, sizeBytes) };
}
