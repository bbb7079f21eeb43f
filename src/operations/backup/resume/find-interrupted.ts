/** Looks for an interrupted backup that this one can go on with. */
import { hostname } from 'node:os';
import { countBounds, objectBounds } from '../../../base/bounds.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { Log } from '../../../observe/events/events.ts';
import { lockForSession } from '../../../postgres/server/advisory-lock.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { sealBytes, type HostSecret } from '../../../repository/encoding/host-secret.ts';
import { isBackupId, typeOfBackup } from '../../../repository/format/backup-record.ts';
import { readParentClaim } from '../../../repository/format/claim.ts';
import { readSmallObject } from '../../../repository/format/json-object.ts';
import {
  backupPrefix,
  backupsPrefix,
  commitRecordsPrefix,
  mostAttempts,
  notesPrefix,
  parseAttemptName,
  parseNoteKey,
  parsePartIndexName,
  partIndexKey,
  type SystemPath,
} from '../../../repository/format/layout.ts';
import { openPartIndex, type PartIndex } from '../../../repository/format/part-index.ts';
import type { Repository } from '../../../repository/repository.ts';
import { EarlierParts } from './earlier-parts.ts';

/** An interrupted backup. Whoever gets it disposes of its parts. */
export interface InterruptedBackup {
  readonly id: string;
  /** The number of the attempt that goes on with it. */
  readonly attempt: number;
  readonly parts: EarlierParts;
}

export interface FindOptions {
  readonly system: SystemPath;
  /** The backup that this one builds on; undefined for a full one. */
  readonly parent: string | undefined;
  /** Every repository that the backup goes to: a part counts if each of them has it. */
  readonly repositories: readonly Repository[];
  readonly secret: HostSecret;
  /** Tells the keys of this run from others. */
  readonly keys: string;
  readonly connection: PgConnection;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const hourMs = 3_600_000;
/**
 * Since the beginning of the first attempt. Cleanup may take a backup for abandoned seven days after that, where no trusted
 * signer has signed its claim, and until then what goes on with it must have ended.
 */
const resumableForMs = 4 * 24 * hourMs;
/**
 * Another host may have a session with another server, whose locks cannot be seen from here. Two attempts at once do no harm:
 * neither writes a key of the other, and one commit record is the first. Only work would be done twice.
 */
const otherHostSilentMs = 10 * 60_000;
/** A terabyte has thousands of parts, and a request to a store takes some hundredths of a second. */
const smallAtOnce = 8;
const smallBytes = 4 * 1024 ** 2;
/** Anybody who can add objects can plant very many. */
const mostLookedAt = 5;

/**
 * The newest interrupted backup that has finished parts in each repository; undefined if there is none. An index that does
 * not open counts for nothing.
 * @throws StoreError; WalvaultError `local-io`
 */
export async function findInterrupted(options: FindOptions): Promise<InterruptedBackup | undefined> {
  for (const id of (await unfinishedIds(options)).slice(0, mostLookedAt)) {
    const found = await lookAt(id, options);
    if (typeof found === 'object') return found;
    if (found !== tooOld)
      options.log.emit({ kind: 'interrupted-backup-passed-over', backup: id, reason: found });
  }
  return undefined;
}

/** The backups that have begun in each repository and are committed in none, the newest first. */
async function unfinishedIds({ repositories, system, parent, signal }: FindOptions): Promise<string[]> {
  let common: Set<string> | undefined;
  for (const { store } of repositories) {
    const prefix = backupsPrefix(system);
    const ids = new Set<string>();
    for await (const entry of store.list({ prefix, delimiter: '/', signal }))
      if ('prefix' in entry) ids.add(entry.prefix.slice(prefix.length, -1));
    const records = commitRecordsPrefix(system);
    for await (const entry of store.list({ prefix: records, signal }))
      if ('key' in entry) ids.delete(entry.key.slice(records.length).replace(/\.json(\.sig)?$/, ''));
    common = common?.intersection(ids) ?? ids;
  }
  return [...(common ?? [])]
    .filter(id => isBackupId(id) && typeOfBackup(id) === (parent === undefined ? 'full' : 'incremental'))
    .sort()
    .reverse();
}

/** Not worth a word each time: no later run goes on with it, either. */
const tooOld = 'it was begun more than four days ago';

/** What one repository has of a backup: stored sizes by name, and when the first and the last object came. */
interface Pieces {
  readonly sizes: ReadonlyMap<string, number>;
  /** The number of the latest attempt. */
  readonly attempt: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** @returns why the backup is passed over, as text */
async function lookAt(id: string, options: FindOptions): Promise<InterruptedBackup | string> {
  const { repositories, connection, now } = options;
  const everywhere: Pieces[] = [];
  for (const repository of repositories) everywhere.push(await listPieces(repository, id, options));
  const silentMs = now.getTime() - Math.max(...everywhere.map(({ lastMs }) => lastMs));
  const sinceMs = now.getTime() - Math.min(...everywhere.map(({ firstMs }) => firstMs));
  if (sinceMs > resumableForMs) return tooOld;
  for (const repository of repositories)
    if (await isExpiring(repository, id, options)) return 'cleanup has begun to remove it';
  const otherParent = await reasonOfParent(id, options);
  if (otherParent !== undefined) return otherParent;
  const attempt = 1 + Math.max(...everywhere.map(pieces => pieces.attempt));
  if (attempt > mostAttempts) return `${mostAttempts} attempts have failed`;
  if (!(await lockForSession(connection, lockOf(id)))) return 'another run is taking it at this moment';
  const parts = await EarlierParts.create();
  try {
    const reason = await readParts(id, { everywhere, silentMs, parts }, options);
    if (reason === undefined) return { id, attempt, parts };
    await parts[Symbol.asyncDispose]();
    return reason;
  } catch (error) {
    await parts[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Its claim keeps cleanups from the parent that it names. What the parts hold needs no such proof: each file is compared with
 * the parent that this run has chosen, and must come to the same bytes.
 */
async function reasonOfParent(
  id: string,
  { repositories, system, parent, signal }: FindOptions,
): Promise<string | undefined> {
  if (parent === undefined) return undefined;
  for (const repository of repositories) {
    const claim = await readParentClaim(repository, system, id, signal);
    if (claim.kind !== 'named') return 'it does not say which backup it builds on';
    if (claim.parent !== parent) return `it builds on ${claim.parent}`;
  }
  return undefined;
}

/** The name of the lock that a running backup holds in its session. */
export function lockOf(id: string): string {
  return `walvault backup ${id}`;
}

/**
 * True for a backup that was committed once: cleanup announces its removal, and removes its record first. Where it was
 * interrupted then, it goes on.
 */
async function isExpiring(
  { store }: Repository,
  id: string,
  { system, signal }: FindOptions,
): Promise<boolean> {
  for await (const entry of store.list({ prefix: notesPrefix(system, id), signal }))
    if ('key' in entry && parseNoteKey(entry.key)?.kind === 'expiring') return true;
  return false;
}

async function listPieces(
  { store }: Repository,
  id: string,
  { system, signal }: FindOptions,
): Promise<Pieces> {
  const prefix = backupPrefix(system, id);
  const sizes = new Map<string, number>();
  let attempt = 1;
  let firstMs = Infinity;
  let lastMs = 0;
  for await (const entry of store.list({ prefix, signal })) {
    if ('prefix' in entry) continue;
    const name = entry.key.slice(prefix.length);
    sizes.set(name, entry.sizeBytes);
    attempt = Math.max(attempt, parseAttemptName(name) ?? 1);
    firstMs = Math.min(firstMs, entry.modified.getTime());
    lastMs = Math.max(lastMs, entry.modified.getTime());
  }
  return { sizes, attempt, firstMs, lastMs };
}

interface Looking {
  readonly everywhere: readonly Pieces[];
  /** How long nothing has come to any repository. */
  readonly silentMs: number;
  readonly parts: EarlierParts;
}

/** Adds the parts that every repository has, the newest first. @returns why there are none to go on from */
async function readParts(
  id: string,
  { everywhere, silentMs, parts }: Looking,
  options: FindOptions,
): Promise<string | undefined> {
  let hasOtherKeys = false;
  let unopenedCount = 0;
  for (const batch of batchesOf(everywhere[0]?.sizes ?? new Map())) {
    const indexes = await Promise.all(batch.map(number => openIndex(id, number, options)));
    for (const index of indexes) {
      if (index === undefined) {
        unopenedCount++;
        continue;
      }
      const { part, host, keys } = index;
      if (host !== hostname() && silentMs < otherHostSilentMs)
        return `host "${host}" wrote to it within the last ten minutes and may still be taking it`;
      hasOtherKeys ||= keys !== options.keys;
      const isEverywhere = everywhere.every(({ sizes }) => sizes.get(part.name) === part.storedSizeBytes);
      if (keys === options.keys && isEverywhere) await parts.add(index);
    }
    if (unopenedCount > countBounds.unopenedIndexes.limit) break;
  }
  if (parts.list.length > 0) return undefined;
  return hasOtherKeys
    ? 'its parts are encrypted or signed with other keys'
    : 'it has no finished part that this host can tell';
}

/** The numbers of the parts that have an index, the newest first; large indexes come alone, because of their memory. */
function* batchesOf(sizes: Pieces['sizes']): Generator<number[]> {
  const found = [...sizes].flatMap(([name, sizeBytes]) => {
    const number = parsePartIndexName(name);
    return number === undefined ? [] : { number, sizeBytes };
  });
  let batch: number[] = [];
  for (const { number, sizeBytes } of found.sort((a, b) => b.number - a.number)) {
    const isLarge = sizeBytes > smallBytes;
    if (batch.length === smallAtOnce || (isLarge && batch.length > 0)) {
      yield batch;
      batch = [];
    }
    batch.push(number);
    if (!isLarge) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function openIndex(
  id: string,
  number: number,
  { repositories, system, secret, signal }: FindOptions,
): Promise<PartIndex | undefined> {
  const key = partIndexKey(system, id, number);
  const limitBytes = objectBounds.partIndex.limitBytes + sealBytes;
  for (const { store } of repositories) {
    try {
      const sealed = await readSmallObject(store, key, { limitBytes, signal });
      const index = sealed && (await openPartIndex({ system, id, part: number, secret }, sealed));
      if (index !== undefined) return index;
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
    }
  }
  return undefined;
}
