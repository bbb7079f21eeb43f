/** The proof that another repository has a good copy of an object: decoded, or, without a key, by a believed record. */
import { isBelieved } from '../../repository/encoding/signature-policy.ts';
import { parseWalKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { largestSegmentBytes, WalGeometry } from '../../postgres/wal/geometry.ts';
import type { StoredDigest } from '../copy-object.ts';
import { readWal } from './read-wal.ts';
import { readStoredBytes } from './stored-bytes.ts';

export interface CopyToProve {
  readonly key: string;
  /** What a believed record says; undefined: the object's own metadata, which a trusted signer must have signed. */
  readonly digest: StoredDigest | undefined;
  /** The object in the repository to repair is to be removed for this copy. */
  readonly isReplacing: boolean;
  readonly system: SystemPath;
  readonly geometry: WalGeometry | undefined;
  readonly signal: AbortSignal;
}

/** @returns why the copy must not be used; undefined: it is good. @throws StoreError */
export async function whyNotGood(from: Repository, copy: CopyToProve): Promise<string | undefined> {
  const { key, digest, isReplacing, system, signal } = copy;
  const file = parseWalKey(key)?.file;
  if (digest === undefined && file !== undefined) {
    const geometry = copy.geometry ?? new WalGeometry(largestSegmentBytes);
    const depth = 'decoded';
    const found = await readWal(from, { system, geometry, key, file, depth, signal });
    if (found.outcome === 'cold') return 'the copy must be thawed first';
    if (found.outcome === 'faulty') return `the copy is no good either: ${found.problem}`;
    if (found.outcome !== 'sound') return 'the copy has gone meanwhile';
    if (found.depth === 'decoded' || !isReplacing) return undefined;
  }
  const { isAsRecorded, recorded, verdict } = await readStoredBytes(from, key, digest, signal);
  if (!isAsRecorded) return 'the copy is no good either: its stored bytes are not those that were stored';
  if (digest !== undefined || !isReplacing) return undefined;
  // Nothing but a signature tells the archive's own object from another one.
  return recorded !== undefined && verdict.status === 'good' && isBelieved(verdict, from.codec.policy)
    ? undefined
    : 'this host has no key to decode the copy with, and no trusted signer has signed its digest';
}
