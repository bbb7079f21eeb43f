/**
 * The one interface to the places that keep objects. A driver does I/O and translates errors; it knows nothing of WAL,
 * backups or encryption. `test/contract/store-contract.ts` is this text as tests; every driver must pass them.
 *
 * Keys are ASCII, `/`-separated, relative to the store's URL, never starting or ending with `/`, with no part that is
 * empty or ends with a dot, without backslash, at most 512 bytes.
 */
import { WalvaultError, type ErrorCode } from '../base/errors/errors.ts';
import type { ByteStream } from '../base/bytes/streams.ts';

export interface Store {
  /** The URL without credentials, for messages. */
  readonly url: string;
  readonly capabilities: StoreCapabilities;

  /**
   * Writes one object. On return it is durable: acknowledged by the service, or fsynced with its directories up to
   * the root of the store. On any failure nothing is visible under the key (an aborted multipart upload is removed).
   * A body that turns out shorter or longer than `sizeBytes`, or whose SHA-256 is not `sha256`, is refused as
   * `invalid` and leaves nothing.
   * @throws StoreError `exists` with `ifAbsent` when the key is taken. The write id in the metadata tells the caller
   *   whether its own earlier request, whose answer was lost, has taken it.
   */
  put(key: string, body: PutBody, options: PutOptions): Promise<void>;

  /**
   * Reads one object, whole or a range. A body that ends early throws `damaged` or `unreachable`: a driver counts the
   * bytes and compares them with the announced size.
   * @throws StoreError `absent`, `denied`, `cold`…
   */
  get(key: string, options: GetOptions): Promise<StoredObject>;

  /** Size, time and metadata, or undefined if the service says that there is no such key. Proves less than `get`. */
  head(key: string, options: CallOptions): Promise<ObjectStat | undefined>;

  /** Entries in ascending order of key bytes. They are read page by page; one page is in memory. */
  list(options: ListOptions): AsyncIterable<ListEntry>;

  /**
   * The entries of `list` by the page. For listings of millions, where handing on each entry by itself costs more than all
   * else. Readers call `pagesOf`, which does without it where a store lacks it.
   */
  listPages?(options: ListOptions): AsyncIterable<readonly ListEntry[]>;

  /** Deletes; a key that is not there counts as deleted. Never throws for a single key: its error is in the result. */
  delete(keys: readonly string[], options: CallOptions): Promise<DeleteFailure[]>;

  /**
   * Makes an object durable whose writer may have died before it did so: on return the object would survive a power
   * cut. Call this before "it is already there" counts as success. Only drivers where an object can be visible before
   * it is durable have it (the directory store: fsync of the file, its sidecars and the directories up to the root).
   * @throws StoreError `absent` when the object is gone again
   */
  makeDurable?(key: string, options: CallOptions): Promise<void>;

  /**
   * Sends one small object with a deliberately wrong checksum and tells whether the service refused it; an accepted
   * one is deleted again. For `check`. Only drivers that rely on the service's verification have it.
   */
  refusesWrongChecksum?(key: string, options: CallOptions): Promise<boolean>;

  /**
   * Tries to replace one small object by an upload in parts that must succeed only if the key is free, and tells
   * whether the service refused. Its objects are deleted again. For `check`. Only drivers whose services differ have it.
   */
  joinsOnlyIfAbsent?(key: string, options: CallOptions): Promise<boolean>;

  /**
   * The first file or directory below `key`, or on the way to it, that the account of the repository cannot use. It looks
   * at a bounded number of the newest. For `check`. Only the directory store has it.
   */
  findClosed?(key: string, options: CallOptions): Promise<ClosedPath | undefined>;

  /**
   * Unfinished writes, which no listing shows: multipart uploads, temporary files, sidecars without their object. The
   * writes of running writers are among them; only their age tells them from those of dead writers. Drivers whose
   * service removes unfinished writes by itself have neither this method nor `removeUnfinished`.
   */
  listUnfinished?(options: CallOptions & { readonly prefix: string }): AsyncIterable<UnfinishedWrite>;

  /** Removes unfinished writes. A write that is gone, or whose object has appeared meanwhile, counts as removed. */
  removeUnfinished?(writes: readonly UnfinishedWrite[], options: CallOptions): Promise<DeleteFailure[]>;

  /**
   * Asks the service to make an object of an archive tier readable, which takes minutes to days. A repeated request
   * changes nothing. Only drivers whose service has such tiers have it.
   * @throws StoreError `absent`, `denied`…
   */
  thaw?(key: string, options: ThawOptions): Promise<ThawOutcome>;

  close(): Promise<void>;
}

export interface StoreCapabilities {
  /** `atomic`: two racing creators never both succeed. `none`: the service ignores conditions (emulated by head-then-put). */
  readonly conditionalCreate: 'atomic' | 'none';
  /** The service verifies what it received against a digest we sent. */
  readonly checksumOnWrite: boolean;
  /** The largest total size of metadata that every object of the store can have. */
  readonly metadataLimitBytes: number;
  /** How many requests are in flight at most; further ones wait. Undefined: side by side they are no quicker. */
  readonly requestsAtOnce?: number | undefined;
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

/** All bytes in memory, or a stream that is read once. */
export type PutBody = readonly Uint8Array[] | ByteStream;

/** The kind of an object, for storage classes and the like; drivers may ignore it. */
export type ObjectClass = 'wal' | 'backup' | 'catalog';

export interface PutOptions extends CallOptions {
  /** True: fail with `exists` if the key is taken, decided by the service itself. False: replace. */
  readonly ifAbsent: boolean;
  readonly objectClass: ObjectClass;
  /** True for a probe, which is deleted again at once: it gets no retention. */
  readonly isTransient?: boolean | undefined;
  /** Names `[a-z0-9-]`, printable ASCII values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly sizeBytes?: number | undefined;
  /** SHA-256 of the whole body, 64 lower-case hex digits. */
  readonly sha256?: string | undefined;
  /**
   * True if the caller has computed `sha256` from these very buffers in this process: they need not be hashed again.
   * On a processor without SHA instructions hashing costs more than anything else in a put.
   */
  readonly isDigestOfBody?: boolean | undefined;
  /**
   * For a stream that the caller hashes on its way to the driver: gives the SHA-256, once the stream has ended. The driver
   * needs no hash of its own then.
   */
  readonly digestAtEnd?: (() => string) | undefined;
}

export interface GetOptions extends CallOptions {
  /** `start` inclusive, `end` exclusive and cut at the size. A range without a single byte is `invalid`. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined;
  /** The caller needs no metadata, which a directory must look for among all names beside the object. */
  readonly withoutMetadata?: boolean | undefined;
  /** The caller is done with a chunk of the body when it asks for the next one: its memory may be used for that. */
  readonly chunkByChunk?: boolean | undefined;
}

export interface ThawOptions extends CallOptions {
  /** How long the service keeps the readable copy; ignored where it moves the object itself instead. */
  readonly days: number;
  /** The services have other names for these speeds. A service without one of them refuses it. */
  readonly speed: 'bulk' | 'standard' | 'expedited';
}

/** `readable`: the object could be read already, and nothing was requested. */
export type ThawOutcome = 'readable' | 'requested' | 'under-way';

/** Where the service keeps an object, if it tells. `head` tells most; not every service tells it with the body. */
export interface StorageTier {
  /** In the service's own words: `STANDARD_IA`, `DEEP_ARCHIVE`, `Archive`. */
  readonly tier?: string;
  /**
   * `frozen`: must be thawed before it can be read. `thawing`: a thaw was requested. `perhaps`, in listings only: ask
   * `head`. Undefined: can be read at once.
   */
  readonly cold?: 'frozen' | 'thawing' | 'perhaps';
}

export interface ObjectStat extends StorageTier {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredObject {
  readonly stat: ObjectStat;
  /** Read this to its end or stop iterating: stopping early frees the connection. */
  readonly body: ByteStream;
}

export interface ListOptions extends CallOptions {
  /** Any string prefix, not only whole path parts; '' lists everything. */
  readonly prefix: string;
  /** Only entries (keys, and with `delimiter` prefixes) greater than this string, which need not exist. */
  readonly startAfter?: string | undefined;
  /** `/`: keys with a further `/` after the prefix are given once, as `{prefix}`. */
  readonly delimiter?: '/' | undefined;
}

export type ListEntry =
  | ({ readonly key: string; readonly sizeBytes: number; readonly modified: Date } & StorageTier)
  | { readonly prefix: string };

export interface ClosedPath {
  /** Absolute. */
  readonly path: string;
  readonly isDirectory: boolean;
  readonly ownerId: number;
  /** The account that cannot use it. */
  readonly userId: number;
}

export interface UnfinishedWrite {
  /** The key of the intended object; for a temporary file its own path. */
  readonly key: string;
  /** The driver's own name for this write. */
  readonly id: string;
  /** When bytes were last written, where the driver can tell; otherwise when the write began. */
  readonly lastWritten: Date;
  readonly sizeBytes?: number | undefined;
}

export interface DeleteFailure {
  readonly key: string;
  readonly error: StoreError;
}

/**
 * The kinds of store errors. The rest of walvault decides by them alone.
 * - `absent`: the service says that this key does not exist. `exists`: the key is taken, and `ifAbsent` was asked for.
 * - `denied`: credentials or permissions. Never to be mistaken for absence (S3 answers 403 for absent keys
 *   to callers without ListBucket).
 * - `no-container`: the bucket, container or directory itself is missing (an unmounted disk).
 * - `unreachable`: network, DNS, TLS, 5xx, timeouts. `throttled`: 429, 503 SlowDown.
 * - `cold`: in an archive tier; a thaw must come first. `damaged`: the bytes contradict the service's size or checksum.
 * - `invalid`: the request is wrong; repeating it cannot help. `local-io`: disk full, EIO on a directory store.
 */
export type StoreErrorKind =
  | 'absent' | 'exists' | 'denied' | 'no-container' | 'unreachable' | 'throttled' | 'cold' | 'damaged' | 'invalid' | 'local-io'; // prettier-ignore

const codeOfKind: Record<StoreErrorKind, ErrorCode> = {
  absent: 'not-found',
  exists: 'conflict',
  denied: 'denied',
  'no-container': 'not-a-repository',
  unreachable: 'unreachable',
  throttled: 'unreachable',
  cold: 'cold-tier',
  damaged: 'damaged',
  invalid: 'internal',
  'local-io': 'local-io',
};

export interface StoreErrorDetails {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly hasDeleteMarker?: boolean | undefined;
  /** Replaces the code of the kind: an `invalid` request may be a fault of the configuration. */
  readonly code?: ErrorCode | undefined;
  readonly lockedUntil?: Date | undefined;
}

export class StoreError extends WalvaultError {
  override readonly name = 'StoreError';
  readonly kind: StoreErrorKind;
  /** How long the service asks to wait (`Retry-After`). */
  readonly retryAfterMs: number | undefined;
  /** With `absent`: older versions are hidden by a delete marker, so the object was there once. */
  readonly hasDeleteMarker: boolean;
  /** With `denied` for a deletion: a retention forbids it to everybody until this time. */
  readonly lockedUntil: Date | undefined;

  constructor(kind: StoreErrorKind, message: string, details: StoreErrorDetails = {}) {
    super(details.code ?? codeOfKind[kind], message, {
      ...details,
      retry: kind === 'unreachable' || kind === 'throttled',
    });
    this.kind = kind;
    this.retryAfterMs = details.retryAfterMs;
    this.hasDeleteMarker = details.hasDeleteMarker ?? false;
    this.lockedUntil = details.lockedUntil;
  }
}

/** The hint for `cold`; `action` is the call and the key, as in `get a/b`. */
export function coldHint(action: string): string {
  return `Ask for it with \`walvault store thaw ${action.replace(/^\S+ /, '')}\`, and try again when it is there.`;
}

export function isStoreError(error: unknown, kind: StoreErrorKind): error is StoreError {
  return error instanceof StoreError && error.kind === kind;
}
