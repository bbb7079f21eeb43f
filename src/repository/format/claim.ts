/**
 * The claim of a backup, `backups/<id>/claim.json`: the backup has begun, and a backup it builds on must not be
 * removed.
 */
import { objectBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { isBelieved, needsSignature } from '../encoding/signature-policy.ts';
import { isStoreError, type Store } from '../../stores/store.ts';
import type { Repository } from '../repository.ts';
import { isBackupId } from './backup-record.ts';
import { parseFields } from './fields.ts';
import {
  createSmallObject,
  encodeJson,
  readSmallObject,
  readVerdict,
  writeSignedObject,
} from './json-object.ts';
import { attemptKey, claimKey, mostAttempts, type SystemPath } from './layout.ts';

export interface Claim {
  readonly id: string;
  /** Of one attempt after the other to take the backup, from 1 on; each goes on from the parts of those before. */
  readonly attempt: number;
  readonly host: string;
  readonly pid: number;
  readonly startTime: Date;
  /** The backup that an incremental one builds on: it must be kept. */
  readonly parent?: string | undefined;
}

/**
 * Writes the claim; false when the id is taken. An incremental backup names its parent, before it relies on it.
 */
export async function writeClaim(
  repository: Repository,
  system: SystemPath,
  { attempt, ...claim }: Claim,
  signal: AbortSignal,
): Promise<boolean> {
  const isFirst = attempt === 1;
  const key = isFirst ? claimKey(system, claim.id) : attemptKey(system, claim.id, attempt);
  const startTime = claim.startTime.toISOString();
  const data = encodeJson({ format: 1, ...claim, ...(!isFirst && { attempt }), startTime });
  try {
    await writeSignedObject(repository, key, data, { isOwnKey: false, signal });
    return true;
  } catch (error) {
    if (isStoreError(error, 'exists')) return false;
    throw error;
  }
}

/**
 * Takes the number of the next attempt, so that none can follow: from then on the pieces of the backup in this repository
 * are this attempt's alone. One object that is created or not decides; it has no signature, and a claim has its own before it
 * exists, so that no two believed ones can be there.
 * @param claim that of the attempt that ends them
 * @returns false where a later attempt has its claim already
 */
export async function endAttempts(
  repository: Repository,
  system: SystemPath,
  { attempt, ...claim }: Claim,
  signal: AbortSignal,
): Promise<boolean> {
  const { store, codec } = repository;
  for (let next = attempt + 1; next <= mostAttempts; next++) {
    const key = attemptKey(system, claim.id, next);
    const startTime = claim.startTime.toISOString();
    const data = encodeJson({ format: 1, ...claim, attempt: next, endedBy: attempt, startTime });
    if (await createSmallObject(store, key, data, signal)) return true;
    const existing = await readClaim(store, key, signal);
    // Ours after a lost answer.
    if (existing?.equals(data) === true) return true;
    // Anybody who can add objects could have planted it.
    if (isBelieved(await readVerdict(repository, key, existing ?? data, signal), codec.removalPolicy))
      return false;
  }
  return true;
}

/** Undefined for one that is larger than any. */
async function readClaim(store: Store, key: string, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await readSmallObject(store, key, { ...objectBounds.claim, signal });
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return undefined;
    throw error;
  }
}

/**
 * The parent of a backup. `unknown`: the claim is missing or unreadable, so any backup may be the parent. `unproven`: no
 * trusted signer wrote the claim, where one must: it protects its own directory for a while, and nothing else.
 */
export type ParentClaim =
  | { readonly kind: 'none' }
  | { readonly kind: 'named'; readonly parent: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unproven' };

export async function readParentClaim(
  repository: Repository,
  system: SystemPath,
  id: string,
  signal: AbortSignal,
): Promise<ParentClaim> {
  const { store, codec } = repository;
  const key = claimKey(system, id);
  const isTold = !needsSignature(codec.removalPolicy);
  const without: ParentClaim = { kind: isTold ? 'unknown' : 'unproven' };
  try {
    const data = isBackupId(id)
      ? await readSmallObject(store, key, { ...objectBounds.claim, signal })
      : undefined;
    if (data === undefined) return without;
    if (!isTold && !isBelieved(await readVerdict(repository, key, data, signal), codec.removalPolicy))
      return without;
    const fields = parseFields(data, `${store.url}: ${key}`);
    return fields.has('parent') ? { kind: 'named', parent: fields.text('parent') } : { kind: 'none' };
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return without;
    throw error;
  }
}
