/**
 * The indexes of a backup's parts, which only hosts with the secret that sealed them can open. No digest of them is recorded.
 *
 * Where this host's secret opens one of a backup, it must open all of them. Where it opens none, they may be another
 * host's: then only their beginnings tell anything.
 */
import { objectBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { each } from '../../base/threads/each.ts';
import { isSealed, sealBytes, type HostSecret } from '../../repository/encoding/host-secret.ts';
import { readSmallObject } from '../../repository/format/json-object.ts';
import { partIndexKey, type SystemPath } from '../../repository/format/layout.ts';
import { isIndexIntact } from '../../repository/format/part-index.ts';
import type { Repository } from '../../repository/repository.ts';

/** Each may be as large as its bound. */
const atOnce = 2;

export interface IndexReading {
  readonly system: SystemPath;
  /** Of the backup. */
  readonly id: string;
  /** The numbers of the parts that have an index of a possible size. */
  readonly indexes: readonly number[];
  readonly signal: AbortSignal;
}

export interface DamagedIndex {
  readonly part: number;
  readonly problem: string;
}

/** @throws StoreError */
export async function findDamagedIndexes(
  repository: Repository,
  { system, id, indexes, signal }: IndexReading,
): Promise<DamagedIndex[]> {
  const secret = indexes.length === 0 ? undefined : await secretOf(repository);
  const limitBytes = objectBounds.partIndex.limitBytes + sealBytes;
  const damaged: DamagedIndex[] = [];
  const closed: number[] = [];
  let openedCount = 0;
  await each(indexes, atOnce, async part => {
    const stored = await readSmallObject(repository.store, partIndexKey(system, id, part), {
      limitBytes,
      signal,
    });
    if (stored === undefined) return;
    if (!isSealed(stored)) damaged.push({ part, problem: 'is nothing that a host has sealed' });
    else if (secret === undefined) return;
    else if (isIndexIntact({ system, id, part, secret }, stored)) openedCount++;
    else closed.push(part);
  });
  const problem = 'does not open by the secret that opens others of this backup';
  if (openedCount > 0) damaged.push(...closed.map(part => ({ part, problem })));
  return damaged.toSorted((a, b) => a.part - b.part);
}

/** Undefined also for one that cannot be used: `check` tells of that. */
async function secretOf({ codec }: Repository): Promise<HostSecret | undefined> {
  try {
    return await codec.keyring.hostSecret();
  } catch (error) {
    if (error instanceof WalvaultError) return undefined;
    throw error;
  }
}
