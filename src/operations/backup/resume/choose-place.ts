/** The choice between a new backup and going on with an interrupted one. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import { lockForSession } from '../../../postgres/server/advisory-lock.ts';
import {
  newBackupId,
  piecesOf,
  type BackupPart,
  type BackupRecord,
} from '../../../repository/format/backup-record.ts';
import { isClaimName, type SystemPath } from '../../../repository/format/layout.ts';
import type { Destinations } from '../../../repository/sets/destinations.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { EarlierParts } from './earlier-parts.ts';
import { findInterrupted, lockOf, type InterruptedBackup } from './find-interrupted.ts';
import type { OwnSecret } from './own-secret.ts';

/** Where a backup is written, and what is there already. */
export interface BackupPlace extends AsyncDisposable {
  readonly id: string;
  readonly attempt: number;
  /** The finished parts of earlier attempts, with their files. */
  readonly parts: EarlierParts | undefined;
  readonly finished: readonly BackupPart[];
}

export interface PlaceOptions {
  /** The id of the parent; undefined for a full backup. */
  readonly parent: string | undefined;
  readonly resume?: boolean | undefined;
  readonly own: OwnSecret | undefined;
  readonly connection: PgConnection;
  readonly destinations: Destinations;
  readonly system: SystemPath;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @throws StoreError; WalvaultError `postgres`, `local-io` */
export async function choosePlace(options: PlaceOptions): Promise<BackupPlace> {
  const { parent, own, resume = true, connection, log } = options;
  const found = own && resume ? await findUnlessUnknown(own, options) : undefined;
  if (found === undefined) {
    const id = newBackupId(new Date(), parent === undefined ? 'full' : 'incremental');
    await lockForSession(connection, lockOf(id));
    return { id, attempt: 1, parts: undefined, finished: [], [Symbol.asyncDispose]: async () => undefined };
  }
  const { id, attempt, parts } = found;
  const finished = parts.list.map(({ part }) => part);
  const storedSizeBytes = finished.reduce((sum, part) => sum + part.storedSizeBytes, 0);
  log.emit({ kind: 'backup-resumed', backup: id, attempt, partCount: finished.length, storedSizeBytes });
  return { ...found, finished, [Symbol.asyncDispose]: async () => await parts[Symbol.asyncDispose]() };
}

/** A repository that cannot be listed costs the new backup nothing else, if it need not be reached. */
async function findUnlessUnknown(
  own: OwnSecret,
  options: PlaceOptions,
): Promise<InterruptedBackup | undefined> {
  const { repositories } = options.destinations;
  try {
    return await findInterrupted({ ...options, ...own, repositories, now: new Date() });
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    options.log.emit({ kind: 'interrupted-backups-unknown', failure: toPlainError(error) });
    return undefined;
  }
}

/**
 * Tells which objects of a backup belong to it, by their names. The others are of attempts that were interrupted: changed
 * parts would come out of an unpacking by hand, too, and take their space as long as the backup stays.
 */
export function isUsedBy(record: BackupRecord): (name: string) => boolean {
  const used = new Set([...piecesOf(record)].map(({ name }) => name));
  for (const { name } of record.parts) for (const sealed of sealedOf(name)) used.add(sealed);
  return name => used.has(name) || isClaimName(name);
}

/** What the host keeps for itself of a part has the part's number. */
function sealedOf(partName: string): string[] {
  const number = /\d+/.exec(partName)?.[0] ?? '';
  return [`index/${number}.sealed`, `digests/${number}.sealed`];
}
