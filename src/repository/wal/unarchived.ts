/** The segments of a range that are not archived, for writers that rely on what is there. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { subtract, union, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { SystemPath } from '../format/layout.ts';
import type { Repository } from '../repository.ts';
import { findForeignWal } from './believed-wal.ts';
import { findMissing } from './listing.ts';

/**
 * The parts of the range that are not listed, or not believed, in order. WAL is archived in order: what was planted between
 * segments that are believed has been replaced.
 * @throws StoreError
 */
export async function findUnarchived(
  repository: Repository,
  system: SystemPath,
  range: SegmentRange,
  options: { readonly geometry: WalGeometry; readonly signal: AbortSignal },
): Promise<SegmentRange[]> {
  const missing = await Array.fromAsync(findMissing(repository, system, range, options));
  const foreign = await findForeignWal(repository, system, subtract(range, missing), options);
  return union([...missing, ...foreign]);
}
