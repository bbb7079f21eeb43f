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

/** A file of a relation. */
export interface RelationSegment {
  readonly relation: RelationKey;
  /** The number of this file of the relation, from 0. */
  readonly segment: number;
}

/** What the summaries name of one file of a main fork: plain data, for threads. */
export interface NamedBlocks {
  /** True if its database was made or dropped: the file is another one. */
  readonly isOtherDatabase: boolean;
  /** The shortest length that the relation had meanwhile, in blocks of this file, so that it may be negative; undefined if it never got shorter. */
  readonly limitBlocks: number | undefined;
  /** Numbers within the file, ascending. */
  readonly blocks: Uint32Array;
}

export interface SegmentState {
  readonly named: NamedBlocks;
  readonly fork: Fork;
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

/** What `changed` has of one file. */
export function namedBlocks(
  changed: ChangedBlocks,
  { relation, segment }: RelationSegment,
  { relationSegmentBlocks }: RelationGeometry,
): NamedBlocks {
  const first = segment * relationSegmentBlocks;
  const changes = changed.of(relation);
  const blocks: number[] = [];
  for (const block of changes?.blocksWithin(first, first + relationSegmentBlocks) ?? [])
    blocks.push(block - first);
  return {
    isOtherDatabase: changed.isOtherDatabase(relation),
    limitBlocks: changes?.limitBlock === undefined ? undefined : changes.limitBlock - first,
    blocks: Uint32Array.from(blocks),
  };
}

/** What the backup stores of the file as it is now. */
export function segmentChanges(
  { named, fork, sizeBytes, parentSizeBytes }: SegmentState,
  { blockSizeBytes, relationSegmentBlocks }: RelationGeometry,
): SegmentChanges {
  const whole = (why: WholeReason) => ({ kind: 'whole', why }) as const;
  const lengthBlocks = sizeBytes / blockSizeBytes;
  if (fork !== 'main') return whole('other-fork');
  if (!Number.isInteger(lengthBlocks) || lengthBlocks > relationSegmentBlocks) return whole('odd-size');
  if (lengthBlocks === 0) return whole('empty');
  if (parentSizeBytes === undefined) return whole('not-in-parent');
  if (named.isOtherDatabase) return whole('other-database');
  const limitBlocks = named.limitBlocks ?? Infinity;
  if (limitBlocks <= 0) return whole('new-or-truncated');
  const parentBlocks = Math.floor(parentSizeBytes / blockSizeBytes);
  /** From here on no block is the parent's. */
  const ownFrom = Math.min(limitBlocks, parentBlocks, lengthBlocks);
  const blocks = [...named.blocks.filter(block => block < ownFrom)];
  for (let block = ownFrom; block < lengthBlocks; block++) blocks.push(block);
  if (blocks.length > lengthBlocks * mostChangedShare) return whole('mostly-changed');
  return { kind: 'blocks', blocks: Uint32Array.from(blocks), lengthBlocks };
}
