/** What of a listing people want to see, and in which order. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ListedBackup, ListedRestorePoint, RepositoryListing, SystemListing } from './listing.ts';

export const sortKeys = ['time', 'size', 'stored', 'ratio', 'duration', 'name'] as const;
export type SortKey = (typeof sortKeys)[number];

export interface Selection {
  /** By the end of a backup, and the time of a restore point. `until` is not included. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly type?: 'full' | 'incremental' | undefined;
  readonly isPinned?: boolean | undefined;
  readonly systemId?: bigint | undefined;
  /** Undefined: by timeline, then by position. */
  readonly sort?: SortKey | undefined;
  readonly isReversed?: boolean | undefined;
}

/** @throws WalvaultError `not-found` for a system that is in none of the repositories, all of which could be read */
export function select(listings: readonly RepositoryListing[], selection: Selection): RepositoryListing[] {
  const { systemId } = selection;
  const isKnown = listings.some(
    ({ systems, problem }) => problem !== undefined || systems.some(system => system.systemId === systemId),
  );
  if (systemId !== undefined && !isKnown)
    throw new WalvaultError('not-found', `there is no system ${systemId}`, {
      hint: '`walvault list` without --system-id shows the systems that a cluster has had.',
    });
  return listings.map(listing => ({
    ...listing,
    systems: listing.systems
      .filter(system => systemId === undefined || system.systemId === systemId)
      .map(system => selectFrom(system, selection)),
  }));
}

function selectFrom(system: SystemListing, selection: Selection): SystemListing {
  const { backups, restorePoints } = system;
  return {
    ...system,
    backups:
      backups &&
      ordered(
        backups.filter(one => isWanted(one, selection)),
        selection,
        valueOfBackup,
      ),
    restorePoints:
      restorePoints &&
      ordered(
        restorePoints.filter(({ madeAt }) => isBetween(madeAt, selection)),
        selection,
        valueOfRestorePoint,
      ),
  };
}

function isWanted({ record, pins }: ListedBackup, selection: Selection): boolean {
  const { type, isPinned } = selection;
  return (
    isBetween(record.stopTime, selection) &&
    (type === undefined || record.type === type) &&
    (isPinned !== true || pins.length > 0)
  );
}

function isBetween(time: Date, { since, until }: Selection): boolean {
  return (since === undefined || time >= since) && (until === undefined || time < until);
}

type Value = number | string;

function ordered<T>(
  items: readonly T[],
  { sort, isReversed }: Selection,
  valueOf: (item: T, key: SortKey) => Value,
): T[] {
  const sorted =
    sort === undefined ? [...items] : items.toSorted((a, b) => compare(valueOf(a, sort), valueOf(b, sort)));
  return isReversed === true ? sorted.reverse() : sorted;
}

function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function valueOfBackup({ record, storedBytes, ratio, durationMs }: ListedBackup, key: SortKey): Value {
  switch (key) {
    case 'time':
      return record.stopTime.getTime();
    case 'size':
      return record.sizeBytes;
    case 'stored':
      return storedBytes;
    case 'ratio':
      return ratio ?? 0;
    case 'duration':
      return durationMs;
    case 'name':
      return record.id;
  }
}

function valueOfRestorePoint({ name, madeAt }: ListedRestorePoint, key: SortKey): Value {
  return key === 'name' ? name : madeAt.getTime();
}
