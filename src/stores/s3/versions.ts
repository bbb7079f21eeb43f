/** Versions of S3 objects: all versions of given keys, and the reason why a version cannot be deleted yet. */
import {
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
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
    const page = await listPage(connection, prefix, from, signal);
    for (const { Key = '', VersionId } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])])
      if (isWanted.has(Key) && VersionId !== undefined)
        yield { key: Key.slice(baseLength), versionId: VersionId };
    const { NextKeyMarker: key, NextVersionIdMarker: version } = page;
    if (page.IsTruncated !== true) return;
    if (key === undefined || key === '')
      throw new StoreError('damaged', `list versions of ${prefix}: a cut page without its end`);
    tokens.follow(`${key} ${version ?? ''}`);
    while (at < wanted.length && (wanted[at] ?? '') < key) at++;
    const next = wanted[at];
    if (next === undefined) return;
    const leap = startBefore(next, prefix);
    from = leap.key !== undefined && leap.key > key ? leap : { key, version };
  }
}

interface Position {
  readonly key?: string | undefined;
  readonly version?: string | undefined;
}

async function listPage(
  connection: S3Connection,
  prefix: string,
  { key, version }: Position,
  signal: AbortSignal,
): Promise<ListObjectVersionsCommandOutput> {
  return await connection.send({ action: `list versions of ${prefix}`, signal }, abortSignal =>
    connection.client.send(
      new ListObjectVersionsCommand({
        Bucket: connection.bucket,
        Prefix: prefix,
        ...requestParameters(connection.objects),
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
