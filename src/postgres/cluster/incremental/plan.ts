/** Decides whether a file of a relation is stored by blocks, and with which (basebackup_incremental.c, GetFileBackupMethod). */
import { isHeaderTooLong, type IncrementalHeader, type RelationLayout } from './header.ts';

export interface FileChanges {
  /** The length of the file now. */
  readonly sizeBytes: number;
  /** The numbers of changed blocks within the file, ascending. Those beyond its end do not count. */
  readonly changed: Uint32Array;
  /**
   * The shortest length that the file has been cut to since the older backup, in blocks of this file; undefined if it has not
   * been cut, or if `changed` comes from comparing contents. Older blocks from there on are no longer the file's.
   */
  readonly limitBlocks?: number | undefined;
}

/** A file with more of its blocks changed is stored whole: that takes little more, and is simpler to restore. */
const largestShare = 0.9;

/** The header of the INCREMENTAL file; undefined: the file is stored whole. The older backup must have the file. */
export function planIncrementalFile(
  { sizeBytes, changed, limitBlocks }: FileChanges,
  layout: RelationLayout,
): IncrementalHeader | undefined {
  const { blockSizeBytes, relationSegmentBlocks } = layout;
  const sizeBlocks = sizeBytes / blockSizeBytes;
  // A length that no server gives a file; or an empty file, of which even the header would be longer.
  if (!Number.isInteger(sizeBlocks) || sizeBlocks > relationSegmentBlocks || sizeBlocks === 0)
    return undefined;
  if (limitBlocks !== undefined && limitBlocks <= 0) return undefined;
  const blocks = changed.filter(block => block < sizeBlocks);
  if (blocks.length * blockSizeBytes > sizeBytes * largestShare) return undefined;
  if (isHeaderTooLong(blocks.length, layout)) return undefined;
  // The file may have been cut below the limit only after the backup began: replay cuts it again, and needs it that long.
  const truncationBlocks = Math.min(Math.max(sizeBlocks, limitBlocks ?? 0), relationSegmentBlocks);
  return { truncationBlocks, blocks };
}
