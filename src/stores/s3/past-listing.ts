/**
 * A bucket as it was at a moment: of each key the newest version of that time, whatever was overwritten or deleted since
 * ("Retrieving object versions from a versioning-enabled bucket"). One page of versions is in memory.
 *
 * The service stamps versions, in whole seconds at Amazon's; an upload in parts has the time at which it began.
 */
import { entryName } from '../pages.ts';
import type { ListEntry, ListOptions } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { listedTier } from './tier.ts';
import { listedVersions, type ListedVersion } from './versions.ts';

/** Enough for the versions of one key, and little where other keys begin with it. */
const versionsOfOneKey = 100;

/** The version of a key that the bucket showed at a moment; undefined if it showed none. */
export async function versionAt(
  connection: S3Connection,
  key: string,
  at: Date,
  signal: AbortSignal,
): Promise<ListedVersion | undefined> {
  const name = connection.fullKey(key);
  let shown: ListedVersion | undefined;
  for await (const item of listedVersions(connection, { prefix: name, limit: versionsOfOneKey, signal })) {
    if (item.name !== name) break;
    if (!item.isPrefix) shown = newerAt(shown, item, at);
  }
  return shown;
}

/** As `Store.list`. A common prefix is listed if a key below it was there. @throws StoreError */
export async function* listPast(
  connection: S3Connection,
  { prefix, startAfter = '', delimiter, signal }: ListOptions,
  at: Date,
): AsyncGenerator<ListEntry> {
  const base = connection.fullKey('');
  let current: ListedVersion | undefined;
  let currentName: string | undefined;
  const entryOfCurrent = () =>
    current === undefined || current.isMarker ? [] : [entryOf(current, base)].filter(isAfter);
  const isAfter = (entry: ListEntry) => entryName(entry) > startAfter;
  const items = listedVersions(connection, {
    prefix: base + prefix,
    startAfter: startAfter === '' ? undefined : base + startAfter,
    delimiter,
    signal,
  });
  for await (const item of items) {
    if (item.name !== currentName) {
      yield* entryOfCurrent();
      current = undefined;
      currentName = item.name;
      if (item.isPrefix) {
        const entry = { prefix: item.name.slice(base.length) };
        if (isAfter(entry) && (await hadAny(connection, entry.prefix, { at, signal }))) yield entry;
      }
    }
    if (!item.isPrefix) current = newerAt(current, item, at);
  }
  yield* entryOfCurrent();
}

async function hadAny(
  connection: S3Connection,
  prefix: string,
  { at, signal }: { readonly at: Date; readonly signal: AbortSignal },
): Promise<boolean> {
  for await (const _ of listPast(connection, { prefix, signal }, at)) return true;
  return false;
}

function entryOf({ name, sizeBytes, modified, storageClass }: ListedVersion, base: string): ListEntry {
  return { key: name.slice(base.length), sizeBytes, modified, ...listedTier(storageClass) };
}

/**
 * The one of two versions of a key that was shown at the moment. Of the same instant, an object goes before a delete marker:
 * "absent" may end a recovery.
 */
function newerAt(
  shown: ListedVersion | undefined,
  other: ListedVersion,
  at: Date,
): ListedVersion | undefined {
  if (other.modified > at) return shown;
  if (shown === undefined || other.modified > shown.modified) return other;
  return other.modified.getTime() === shown.modified.getTime() && shown.isMarker && !other.isMarker
    ? other
    : shown;
}
