/**
 * The one interface to places that keep objects. A driver does I/O and translates errors; it knows nothing of WAL,
 * backups or encryption. `test/contract/store-contract.ts` is this text as tests, and every driver runs it.
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
   * @throws StoreError `exists` when `ifAbsent` and the key is taken. Whether by our own lost request, the caller
   *   finds out from the write id in the metadata.
   */
  put(key: string, body: PutBody, options: PutOptions): Promise<void>;

  /**
   * Reads one object, whole or a range. The body ends early only by throwing `damaged` or `unreachable`: a driver
   * counts the bytes against the announced size.
   * @throws StoreError `absent`, `denied`, `cold`…
   */
  get(key: string, options: GetOptions): Promise<StoredObject>;

  /** Size, time and metadata, or undefined if the service says that there is no such key. Proves less than `get`. */
  head(key: string, options: CallOptions): Promise<ObjectStat | undefined>;

  /** Entries in ascending order of key bytes, paged behind the scenes, holding one page in memory. */
  list(options: ListOptions): AsyncIterable<ListEntry>;

  /** Deletes; a key that is not there counts as deleted. Never throws for a single key: its error is in the result. */
  delete(keys: readonly string[], options: CallOptions): Promise<DeleteFailure[]>;

  /**
   * Makes an object durable that somebody else wrote and may have died before making it so: on return it would
   * survive a power cut. Only drivers where visible and durable differ have it (the directory store: fsync of the
   * file, its sidecars and the directories up to the root). To be called before "it is already there" counts as
   * success.
   * @throws StoreError `absent` when it is gone again
   */
  makeDurable?(key: string, options: CallOptions): Promise<void>;

  /**
   * Sends one small object with a deliberately wrong checksum and tells whether the service refused it; an accepted
   * one is deleted again. For `check`. Only drivers that rely on the service's verification have it.
   */
  refusesWrongChecksum?(key: string, options: CallOptions): Promise<boolean>;

  /**
   * Tries to replace one small object by an upload in parts that is to succeed only where nothing is, and tells whether
   * the service refused. Whatever it made is deleted again. For `check`. Only drivers have it where services differ.
   */
  joinsOnlyIfAbsent?(key: string, options: CallOptions): Promise<boolean>;

  /**
   * What writers that died have left and no listing shows: multipart uploads, temporary files, sidecars without
   * their object. Those at work are among it: only its age tells. Drivers whose service tidies up by itself have
   * neither of the two.
   */
  listUnfinished?(options: CallOptions & { readonly prefix: string }): AsyncIterable<UnfinishedWrite>;

  /** One that is gone, or whose object has appeared meanwhile, counts as removed. */
  removeUnfinished?(writes: readonly UnfinishedWrite[], options: CallOptions): Promise<DeleteFailure[]>;

  /**
   * Asks the service to bring an object of an archive tier to where it can be read, which takes it minutes to days.
   * Asking again changes nothing. Only drivers whose service has such tiers have it.
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
  /** Largest total of metadata in bytes that is surely kept. */
  readonly metadataLimitBytes: number;
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

/** Either everything in memory or a stream, read once. */
export type PutBody = readonly Uint8Array[] | ByteStream;

/** What kind of object it is, for storage classes and the like; drivers may ignore it. */
export type ObjectClass = 'wal' | 'backup' | 'catalog';

export interface PutOptions extends CallOptions {
  /** True: fail with `exists` if the key is taken, decided by the service itself. False: replace. */
  readonly ifAbsent: boolean;
  readonly objectClass: ObjectClass;
  /** To be deleted again at once (a probe): no retention is put on it. */
  readonly isTransient?: boolean | undefined;
  /** Names `[a-z0-9-]`, printable ASCII values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly sizeBytes?: number | undefined;
  /** SHA-256 of the whole body, 64 lower-case hex digits. */
  readonly sha256?: string | undefined;
  /**
   * The caller has computed `sha256` of these very buffers, in this process: they need not be hashed again, which on a
   * processor without instructions for it costs more than anything else in a put.
   */
  readonly isDigestOfBody?: boolean | undefined;
}

export interface GetOptions extends CallOptions {
  /** `start` inclusive, `end` exclusive and cut at the size. A range without a single byte is `invalid`. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined;
}

export interface ThawOptions extends CallOptions {
  /** How long the copy that can be read is kept, where the service makes one; ignored where the object itself moves. */
  readonly days: number;
  /** The service's own names differ; it may lack one, and refuses then. */
  readonly speed: 'bulk' | 'standard' | 'expedited';
}

/** `readable`: there was nothing to ask for. */
export type ThawOutcome = 'readable' | 'requested' | 'under-way';

/** Where the service keeps an object, where it tells; not every service does with the body, `head` says most. */
export interface StorageTier {
  /** In the service's own words: `STANDARD_IA`, `DEEP_ARCHIVE`, `Archive`. */
  readonly tier?: string;
  /**
   * `frozen`: must be thawed before it can be read. `thawing`: that was asked for. `perhaps`, in listings only: `head`
   * tells. Undefined: can be read at once.
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
  /** Read it to its end or stop iterating: stopping early releases the connection. */
  readonly body: ByteStream;
}

export interface ListOptions extends CallOptions {
  /** Any string prefix, not only whole path parts; '' lists everything. */
  readonly prefix: string;
  /** Only entries (keys, and with `delimiter` prefixes) greater than this one, whether or not it exists. */
  readonly startAfter?: string | undefined;
  /** `/`: keys that have a further `/` after the prefix are given once as `{prefix}`. */
  readonly delimiter?: '/' | undefined;
}

export type ListEntry =
  | ({ readonly key: string; readonly sizeBytes: number; readonly modified: Date } & StorageTier)
  | { readonly prefix: string };

export interface UnfinishedWrite {
  /** What was to be written; for a temporary file its own path. */
  readonly key: string;
  /** The driver's own name for it. */
  readonly id: string;
  /** Begun or, where the driver can tell, last written to. */
  readonly lastWritten: Date;
  readonly sizeBytes?: number | undefined;
}

export interface DeleteFailure {
  readonly key: string;
  readonly error: StoreError;
}

/**
 * What went wrong, in the only terms the rest of walvault decides by.
 * - `absent`: the service says this key does not exist. `exists`: it does, and the condition forbade it.
 * - `denied`: credentials or permissions. Never to be mistaken for absence (S3 answers 403 for absent keys
 *   to callers without ListBucket).
 * - `no-container`: the bucket, container or directory itself is missing (an unmounted disk).
 * - `unreachable`: network, DNS, TLS, 5xx, timeouts. `throttled`: 429, 503 SlowDown.
 * - `cold`: in an archive tier, needs a thaw first. `damaged`: bytes that contradict the service's own size or checksum.
 * - `invalid`: the request is wrong and will stay so. `local-io`: disk full, EIO on a directory store.
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
  /** Instead of the kind's own: an `invalid` request may be the configuration's fault. */
  readonly code?: ErrorCode | undefined;
  readonly lockedUntil?: Date | undefined;
}

export class StoreError extends WalvaultError {
  override readonly name = 'StoreError';
  readonly kind: StoreErrorKind;
  /** How long the service asked us to wait (`Retry-After`). */
  readonly retryAfterMs: number | undefined;
  /** With `absent`: older versions are hidden by a delete marker, so the object was there once. */
  readonly hasDeleteMarker: boolean;
  /** With `denied` of a deletion: a retention forbids it to everybody until then. */
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

/** What helps against `cold`; `action` is the call and the key, as in `get a/b`. */
export function coldHint(action: string): string {
  return `Ask for it with \`walvault store thaw ${action.replace(/^\S+ /, '')}\`, and try again when it is there.`;
}

export function isStoreError(error: unknown, kind: StoreErrorKind): error is StoreError {
  return error instanceof StoreError && error.kind === kind;
}
