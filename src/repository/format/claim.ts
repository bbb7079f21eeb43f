/**
 * The claim of a backup, `backups/<id>/claim.json`: the backup has begun, and a backup it builds on must not be
 * removed.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Store } from '../../stores/store.ts';
import { isBackupId } from './backup-record.ts';
import { parseFields } from './fields.ts';
import { createSmallObject, encodeJson, readSmallObject } from './json-object.ts';
import { claimKey, type SystemPath } from './layout.ts';

const limitBytes = 64 * 1024;

export interface Claim {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startTime: Date;
}

/**
 * Writes the claim; false when the id is taken. An incremental backup will also name its parent, before it relies on
 * it.
 */
export async function writeClaim(
  store: Store,
  system: SystemPath,
  claim: Claim,
  signal: AbortSignal,
): Promise<boolean> {
  const data = encodeJson({ format: 1, ...claim, startTime: claim.startTime.toISOString() });
  return await createSmallObject(store, claimKey(system, claim.id), data, signal);
}

/** The parent of a backup. `unknown`: the claim is missing or unreadable, so any backup may be the parent. */
export type ParentClaim =
  | { readonly kind: 'none' }
  | { readonly kind: 'named'; readonly parent: string }
  | { readonly kind: 'unknown' };

export async function readParentClaim(
  store: Store,
  system: SystemPath,
  id: string,
  signal: AbortSignal,
): Promise<ParentClaim> {
  const key = claimKey(system, id);
  const data = isBackupId(id) ? await readSmallObject(store, key, { limitBytes, signal }) : undefined;
  if (data === undefined) return { kind: 'unknown' };
  try {
    const fields = parseFields(data, `${store.url}: ${key}`);
    return fields.has('parent') ? { kind: 'named', parent: fields.text('parent') } : { kind: 'none' };
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return { kind: 'unknown' };
    throw error;
  }
}
