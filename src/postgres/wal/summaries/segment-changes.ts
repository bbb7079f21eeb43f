/**
 * What an incremental backup stores of one file of a relation, by WAL summaries. Pure.
 *
 * It stores no less than PostgreSQL does (GetFileBackupMethod in basebackup_incremental.c), and more where the parent's
 * blocks may be others: all blocks from the shortest length on that the relation had meanwhile, and all that the parent's
 * file does not reach. PostgreSQL extends relations by pages of zeros that it does not WAL-log; in place of these a restore
 * would take old blocks from the parent or from its parent. So the file of the new backup has exactly its length.
 */
import type { Fork } from '../../cluster/relation-file.ts';
import type { ChangedBlocks, RelationKey } from './changed-blocks.ts';

export interface RelationSegment {
  readonly relation: RelationKey;
  readonly fork: Fork;
  /** The number of this file of the relation, from 0. */
  readonly segment: number;
  readonly sizeBytes: number;
  /** The size that the file has in the parent, restored; undefined if the parent has no such file. */
  readonly parentSizeBytes: number | undefined;
}

/** The sizes that a server was built with, from `pg_control`. */
export interface RelationGeometry {
  readonly blockSizeBytes: number;
  /** The blocks of a whole file of a relation. */
  readonly relationSegmentBlocks: number;
}

export type SegmentChanges =
  | { readonly kind: 'whole'; readonly why: WholeReason }
  /** `blocks` are numbers within the file, in ascending order; the file has `lengthBlocks`. */
  | { readonly kind: 'blocks'; readonly blocks: Uint32Array; readonly lengthBlocks: number };

export type WholeReason =
  | 'other-fork'
  | 'odd-size'
  | 'empty'
  | 'not-in-parent'
  | 'other-database'
  | 'new-or-truncated'
  | 'mostly-changed';

/** From this share of changed blocks on the whole file is stored, as PostgreSQL does. */
export const mostChangedShare = 0.9;

export function segmentChanges(
  changed: ChangedBlocks,
  file: RelationSegment,
  { blockSizeBytes, relationSegmentBlocks }: RelationGeometry,
): SegmentChanges {
  const whole = (why: WholeReason) => ({ kind: 'whole', why }) as const;
  const { relation, fork, segment, sizeBytes, parentSizeBytes } = file;
  const lengthBlocks = sizeBytes / blockSizeBytes;
  if (fork !== 'main') return whole('other-fork');
  if (!Number.isInteger(lengthBlocks) || lengthBlocks > relationSegmentBlocks) return whole('odd-size');
  if (lengthBlocks === 0) return whole('empty');
  if (parentSizeBytes === undefined) return whole('not-in-parent');
  if (changed.isOtherDatabase(relation)) return whole('other-database');
  const first = segment * relationSegmentBlocks;
  const changes = changed.of(relation);
  const limitInFile = (changes?.limitBlock ?? Infinity) - first;
  if (limitInFile <= 0) return whole('new-or-truncated');
  const parentBlocks = Math.floor(parentSizeBytes / blockSizeBytes);
  /** From here on no block is the parent's. */
  const ownFrom = Math.min(limitInFile, parentBlocks, lengthBlocks);
  const blocks: number[] = [];
  for (const block of changes?.blocksWithin(first, first + ownFrom) ?? []) blocks.push(block - first);
  for (let block = ownFrom; block < lengthBlocks; block++) blocks.push(block);
  if (blocks.length > lengthBlocks * mostChangedShare) return whole('mostly-changed');
  return { kind: 'blocks', blocks: Uint32Array.from(blocks), lengthBlocks };
}
