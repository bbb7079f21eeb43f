/**
 * The codec between plain files and stored bytes.
 *
 * Writing follows the settings: zstd, then OpenPGP with the host's signature inside. Reading ignores the settings:
 * magic bytes tell how an object is encoded, so settings may change at any time (docs/repository-format.md,
 * "Encoding").
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { atMost } from '../../base/bytes/at-most.ts';
import { copied, release, type ByteStream } from '../../base/bytes/streams.ts';
import { detectFormat, type StoredFormat } from '../../pipeline/detect.ts';
import { decompressZstdByFrame } from '../../pipeline/zstd/by-frame.ts';
import {
  compressZstd,
  compressZstdAtOnce,
  compressZstdFrames,
  decompressZstd,
} from '../../pipeline/zstd/streaming.ts';
import { combineVerdicts, type ReadingOptions, type SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import type { Keyring, ObjectUse } from './keyring.ts';
import { describeVerdict, isBelieved, type SignaturePolicy } from './signature-policy.ts';
import { unpackInMemory, type HeldWhole } from './unpack-in-memory.ts';
import type { Event, Log } from '../../observe/events/events.ts';

export interface CodecSettings {
  /** zstd level; 0 stores without compression. */
  readonly compressionLevel: number;
  readonly verifySignatures: SignaturePolicy;
}

export interface EncodeRun {
  /** Encodes the plain bytes. It may be called several times and yields the same bytes each time. */
  apply(plain: ByteStream): ByteStream;
  /**
   * Encodes a stream whose pieces are some MiB long and valid until the next one is asked for: each becomes a zstd frame,
   * at less cost than one frame of the whole. The result depends on the pieces.
   */
  applyInFrames(plain: ByteStream): ByteStream;
  /**
   * Encodes an object in memory at a fraction of the cost; the result differs from that of `apply`. It is `plain`
   * itself when the settings ask for neither compression nor encryption.
   */
  applyAtOnce(plain: Uint8Array, allocate: Allocate): Uint8Array;
}

/** Gives a buffer for the result. `isPlainSpent`: the plain bytes are not read any more, and it may be in their place. */
type Allocate = (sizeBytes: number, isPlainSpent: boolean) => Buffer;

export class Codec {
  readonly keyring: Keyring;
  readonly #settings: CodecSettings;
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(keyring: Keyring, settings: CodecSettings, log: Log) {
    this.keyring = keyring;
    this.#settings = settings;
    this.#log = log;
  }

  /** The suffix of a part's file name, which tells its encoding: `.zst.pgp`, `.zst`, `.pgp` or nothing. */
  get suffix(): string {
    const { mode } = this.keyring.settings;
    return `${this.#settings.compressionLevel > 0 ? '.zst' : ''}${mode === 'none' ? '' : '.pgp'}`;
  }

  /** The signature policy for what is read and for facts that only protect. */
  get policy(): SignaturePolicy {
    return this.#settings.verifySignatures;
  }

  /**
   * The signature policy for facts that can cause a removal, or end a recovery: only a trusted signer counts where the
   * configuration names one. A bad signature never counts.
   */
  get removalPolicy(): SignaturePolicy {
    const { policy } = this;
    const canTell = this.keyring.settings.trustedSigners.length > 0;
    return policy === 'require' || (policy === 'warn' && canTell) ? 'require' : 'warn';
  }

  async encode(key: string, use: ObjectUse): Promise<EncodeRun> {
    const encryptor = await this.keyring.encryptor(use);
    for (const { fingerprint, userId, expiresAt, hasExpired } of encryptor?.expiring ?? [])
      this.emitOnce(fingerprint, {
        kind: 'recipient-expiry',
        fingerprint,
        userId,
        expiresAt: expiresAt.toISOString(),
        hasExpired,
      });
    const encryption = await encryptor?.start(key);
    const level = this.#settings.compressionLevel;
    return {
      apply(plain) {
        const compressed = level > 0 ? compressZstd({ level })(plain) : plain;
        return encryption?.apply(compressed) ?? compressed;
      },
      applyInFrames(plain) {
        const compressed = level > 0 ? compressZstdFrames({ level })(plain) : copied(plain);
        return encryption?.apply(compressed) ?? compressed;
      },
      applyAtOnce(plain, allocate) {
        const compressed = level > 0 ? compressZstdAtOnce(plain, { level }) : plain;
        if (encryption === undefined) return compressed;
        const encrypted = encryption.applyAtOnce(compressed, sizeBytes =>
          allocate(sizeBytes, compressed !== plain),
        );
        if (compressed !== plain) release(compressed);
        return encrypted;
      },
    };
  }

  /**
   * Decodes an object that was stored under `key`. The stream throws `damaged` for damaged bytes, `key` when no
   * private key fits, and at its end `damaged` when the signature policy rejects the signature. Do not rely on its
   * bytes until it has ended without an error. A cut at a zstd frame boundary is not noticed here: compare length and
   * digest. More than `limitBytes` are `damaged`, and none of those beyond it come out.
   */
  async *decode(
    key: string,
    stored: ByteStream,
    { limitBytes, signal, onVerdict, inMemory, chunkByChunk = false, beside }: DecodeOptions,
  ): AsyncGenerator<Uint8Array> {
    const source = stored[Symbol.asyncIterator]();
    const storedLimit = { limitBytes: largestEncoding(limitBytes), signal, what: `${key}: holds` };
    try {
      const bounded = atMost({ [Symbol.asyncIterator]: () => source }, storedLimit);
      const { format, content, verdict } = await this.#open(key, bounded, {
        chunkByChunk: chunkByChunk || inMemory !== undefined,
      });
      // gpg may compress inside the encryption, so that what comes out of it can be large again.
      const packed = atMost(content, storedLimit);
      const unpacked =
        inMemory !== undefined
          ? unpackInMemory(format, packed, inMemory)
          : format === 'zstd'
            ? (chunkByChunk ? decompressZstdByFrame() : decompressZstd())(packed)
            : packed;
      yield* atMost(unpacked, { limitBytes, signal, what: `${key}: unpacks to` });
      const found = verdict();
      if (beside === 'believed' && found.status !== 'bad') return;
      const judged = typeof beside === 'function' ? combineVerdicts([await beside(), found]) : found;
      onVerdict?.(judged);
      this.#judge(key, judged);
    } finally {
      // The source holds an open file or connection, whichever stage has failed.
      await source.return?.();
    }
  }

  /** Removes the encryption; the content is compressed or plain. */
  async #open(key: string, stored: ByteStream, options: ReadingOptions): Promise<Opened> {
    const outer = await peek(stored, 8);
    const outerFormat = detectFormat(outer.head);
    if (outerFormat !== 'openpgp')
      return { ...readable(key, outerFormat), content: outer.whole, verdict: unsigned };
    const run = (await this.keyring.decryptor()).start(key);
    const inner = await peek(run.apply(outer.whole, options), 8);
    return { ...readable(key, detectFormat(inner.head)), content: inner.whole, verdict: () => run.verdict() };
  }

  #judge(key: string, verdict: SignatureVerdict): void {
    const { policy } = this;
    if (policy === 'off' || verdict.status === 'good') return;
    const problem = describeVerdict(verdict);
    if (!isBelieved(verdict, policy)) {
      throw new WalvaultError('damaged', `${key}: ${problem}`, {
        hint: 'Name the public signing keys of your hosts in signing.trusted-signers; an object none of them signed was not written by them.',
      });
    }
    this.emitOnce(problem, { kind: 'signature-not-good', object: key, status: verdict.status, problem });
  }

  /** Emits the event unless this codec, which all repositories of a run share, has emitted one on the subject. */
  emitOnce(subject: string, event: Event): void {
    if (this.#said.has(subject)) return;
    this.#said.add(subject);
    this.#log.emit(event);
  }
}

export interface DecodeOptions {
  /** The most bytes that the plain content may have: whoever reads knows it before, or must not read. */
  readonly limitBytes: number;
  readonly signal: AbortSignal;
  /**
   * Gives the verdict on a signature beside the object, over a digest that the caller compares with the content: a good
   * one proves the object as well as one inside. `believed`: a commit record that is used has the digest.
   */
  readonly beside?: (() => Promise<SignatureVerdict>) | 'believed' | undefined;
  /** Called with the verdict on the signature, before the policy decides. */
  readonly onVerdict?: ((verdict: SignatureVerdict) => void) | undefined;
  /**
   * Decodes the whole object in memory, for a caller that has room for it: the content comes in one piece, at half
   * the cost, with the same errors.
   */
  readonly inMemory?: HeldWhole | undefined;
  /**
   * True: the reader is done with a chunk when it asks for the next one, and nobody else waits for its thread, so that
   * memory is used again, and small frames are decoded at once.
   */
  readonly chunkByChunk?: boolean | undefined;
}

interface Opened {
  readonly format: 'zstd' | 'plain';
  readonly content: ByteStream;
  /** The verdict on the signature, known once the content has ended. */
  verdict(): SignatureVerdict;
}

/** The most bytes that frames, packets, keys and signatures make of a content that does not compress. */
export function largestEncoding(plainBytes: number): number {
  return plainBytes + Math.ceil(plainBytes / 64) + 2 * 1024 ** 2;
}

const unsigned = (): SignatureVerdict => ({ status: 'unsigned' });

function readable(key: string, format: StoredFormat): Pick<Opened, 'format'> {
  if (format === 'zstd' || format === 'plain') return { format };
  throw new WalvaultError('damaged', `${key}: ${format} inside an object is not part of this format`);
}

/** Reads the first `count` bytes and returns them with a stream of the whole content. */
async function peek(source: ByteStream, count: number): Promise<{ head: Uint8Array; whole: ByteStream }> {
  const iterator = source[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let sizeBytes = 0;
  while (sizeBytes < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    // A chunk may be gone when the next one is asked for.
    seen.push(next.value.length < count ? Buffer.from(next.value) : next.value);
    sizeBytes += next.value.length;
  }
  const first = seen[0];
  const head =
    seen.length === 1 && first !== undefined
      ? first.subarray(0, count)
      : Buffer.concat(seen).subarray(0, count);
  return { head, whole: resume(seen, iterator) };
}

async function* resume(
  seen: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* seen;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
