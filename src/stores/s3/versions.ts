/** Versions of S3 objects: those of given keys, listings of all, and the reason why a version cannot be deleted yet. */
import {
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type DeleteMarkerEntry,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion as VersionEntry,
} from '@aws-sdk/client-s3';
import { withLock } from '../driver-kit/lock.ts';
import { PageTokens } from '../driver-kit/page-tokens.ts';
import { StoreError, type DeleteFailure } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { contentParameters, requestParameters } from './parameters.ts';

export interface ObjectVersion {
  readonly key: string;
  /** `null` is an id as well: that of an object written while versioning was off. */
  readonly versionId: string;
}

/**
 * Every version and delete marker of these keys, and of no others. One listing covers all keys and skips other keys
 * between them.
 * @throws StoreError `denied`…
 */
export async function* versionsOf(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<ObjectVersion> {
  const wanted = keys.map(key => connection.fullKey(key)).sort();
  const isWanted = new Set(wanted);
  const prefix = commonPrefix(wanted[0] ?? '', wanted.at(-1) ?? '');
  const baseLength = connection.fullKey('').length;
  const tokens = new PageTokens(`list versions of ${prefix}`);
  let at = 0;
  let from: Position = startBefore(wanted[0] ?? '', prefix);
  for (;;) {
    const page = await listPage(connection, { prefix, signal }, from);
    for (const { Key = '', VersionId } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])])
      if (isWanted.has(Key) && VersionId !== undefined)
        yield { key: Key.slice(baseLength), versionId: VersionId };
    const end = endOf(page, prefix);
    if (end === undefined) return;
    const { key } = end;
    tokens.follow(`${key} ${end.version ?? ''}`);
    while (at < wanted.length && (wanted[at] ?? '') < key) at++;
    const next = wanted[at];
    if (next === undefined) return;
    const leap = startBefore(next, prefix);
    from = leap.key !== undefined && leap.key > key ? leap : end;
  }
}

/** A version of an object, a delete marker, or the common prefix of several keys. */
export type ListedItem =
  ({ readonly isPrefix: false } & ListedVersion) | { readonly isPrefix: true; readonly name: string };

export interface ListedVersion extends Pick<ObjectVersion, 'versionId'> {
  /** The whole name in the bucket. */
  readonly name: string;
  /** True for a delete marker. */
  readonly isMarker: boolean;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly storageClass: string | undefined;
}

export interface VersionListing {
  /** With the store's own prefix, as all names here. */
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly delimiter?: '/' | undefined;
  /** The most items of one page. */
  readonly limit?: number | undefined;
  readonly signal: AbortSignal;
}

/** Every version and delete marker, those of a key together, in the order of the names. One page is in memory. */
export async function* listedVersions(
  connection: S3Connection,
  listing: VersionListing,
): AsyncGenerator<ListedItem> {
  const { prefix, startAfter } = listing;
  // Some services take no marker outside the prefix.
  if (startAfter !== undefined && startAfter > prefix && !startAfter.startsWith(prefix)) return;
  const tokens = new PageTokens(`list versions of ${prefix}`);
  let from: Position | undefined = startAfter?.startsWith(prefix) === true ? { key: startAfter } : {};
  while (from !== undefined) {
    const page = await listPage(connection, listing, from);
    yield* itemsOf(page);
    from = endOf(page, prefix);
    if (from !== undefined) tokens.follow(`${from.key ?? ''} ${from.version ?? ''}`);
  }
}

function itemsOf({ Versions, DeleteMarkers, CommonPrefixes }: ListObjectVersionsCommandOutput): ListedItem[] {
  const items: ListedItem[] = [];
  const version = ({ Key, VersionId, LastModified }: VersionEntry | DeleteMarkerEntry) => ({
    isPrefix: false as const,
    name: Key ?? '',
    versionId: VersionId ?? '',
    modified: LastModified ?? new Date(0),
  });
  for (const entry of Versions ?? [])
    items.push({
      ...version(entry),
      isMarker: false,
      sizeBytes: entry.Size ?? 0,
      storageClass: entry.StorageClass,
    });
  for (const entry of DeleteMarkers ?? [])
    items.push({ ...version(entry), isMarker: true, sizeBytes: 0, storageClass: undefined });
  for (const { Prefix } of CommonPrefixes ?? [])
    if (Prefix !== undefined) items.push({ isPrefix: true, name: Prefix });
  return items.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Where a page ends that is not the last. @throws StoreError `damaged` if the service does not say */
function endOf(
  { IsTruncated, NextKeyMarker: key, NextVersionIdMarker: version }: ListObjectVersionsCommandOutput,
  prefix: string,
): (Position & { readonly key: string }) | undefined {
  if (IsTruncated !== true) return undefined;
  if (key === undefined || key === '')
    throw new StoreError('damaged', `list versions of ${prefix}: a cut page without its end`);
  return { key, version };
}

interface Position {
  readonly key?: string | undefined;
  readonly version?: string | undefined;
}

async function listPage(
  connection: S3Connection,
  { prefix, delimiter, limit, signal }: VersionListing,
  { key, version }: Position,
): Promise<ListObjectVersionsCommandOutput> {
  return await connection.send({ action: `list versions of ${prefix}`, signal }, abortSignal =>
    connection.client.send(
      new ListObjectVersionsCommand({
        Bucket: connection.bucket,
        Prefix: prefix,
        ...requestParameters(connection.objects),
        ...(delimiter !== undefined && { Delimiter: delimiter }),
        ...(limit !== undefined && { MaxKeys: limit }),
        ...(key !== undefined && { KeyMarker: key }),
        ...(version !== undefined && { VersionIdMarker: version }),
      }),
      { abortSignal },
    ),
  );
}

/** A key just before `key`, because a listing starts after the given key. Both have the prefix of the listing. */
function startBefore(key: string, prefix: string): Position {
  const last = key.charCodeAt(key.length - 1);
  const before = `${key.slice(0, -1)}${last > 0x20 ? `${String.fromCharCode(last - 1)}~` : ''}`;
  return before.startsWith(prefix) ? { key: before } : {};
}

function commonPrefix(first: string, last: string): string {
  let length = 0;
  while (length < first.length && first[length] === last[length]) length++;
  return first.slice(0, length);
}

/** A deletion that the service refused. */
export interface Refusal extends DeleteFailure {
  readonly versionId?: string | undefined;
}

const headsAtOnce = 16;

/**
 * Adds the locks to the refusals. The service refuses a locked version as for a missing permission; only its head tells
 * the end of the lock. The question comes after the refusal, so that objects without a lock cost no further request.
 */
export async function explainLocks(
  connection: S3Connection,
  refused: readonly Refusal[],
  signal: AbortSignal,
): Promise<Refusal[]> {
  const explained: Refusal[] = [];
  for (let at = 0; at < refused.length; at += headsAtOnce)
    explained.push(
      ...(await Promise.all(
        refused.slice(at, at + headsAtOnce).map(refusal => explainLock(connection, refusal, signal)),
      )),
    );
  return explained;
}

async function explainLock(
  connection: S3Connection,
  refusal: Refusal,
  signal: AbortSignal,
): Promise<Refusal> {
  const { key, versionId, error } = refusal;
  if (error.kind !== 'denied' || versionId === undefined) return refusal;
  const explained = await withLock(key, error, async () => {
    const head = await connection.send({ action: `head ${key}`, signal }, abortSignal =>
      connection.client.send(
        new HeadObjectCommand({
          Bucket: connection.bucket,
          Key: connection.fullKey(key),
          VersionId: versionId,
          ...contentParameters(connection.objects),
        }),
        { abortSignal },
      ),
    );
    return {
      until: head.ObjectLockRetainUntilDate,
      mode: head.ObjectLockMode,
      isLegalHold: head.ObjectLockLegalHoldStatus === 'ON',
    };
  });
  return { ...refusal, error: explained };
}
