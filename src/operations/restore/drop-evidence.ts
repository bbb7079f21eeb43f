/** The drops of databases and tablespaces that are in progress at a position, read from archived WAL. */
import {
  DropTracker,
  isRestart,
  recordsOfDrops,
  type DropInProgress,
} from '../../postgres/wal/drop-tracker.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { checkpointOnline, infoMask, resourceManagers } from '../../postgres/wal/record.ts';
import { beginsAt, eachRecord, readSegments, type EvidenceSource } from './read-wal.ts';
import type { WalPath } from './wal-path.ts';

/**
 * DROP DATABASE waits for a checkpoint that it asks for, and before that for the end of one that runs already. So what is
 * in progress began after the third checkpoint before, and the WAL from there is enough, however long the archive is.
 */
const checkpointsOfDrop = 3;

export async function dropsInProgress(
  source: EvidenceSource,
  path: WalPath,
  before: Lsn,
): Promise<readonly DropInProgress[]> {
  const { geometry } = source;
  const lastSegment = geometry.segmentOf(before - 1n);
  const firstSegment = geometry.segmentOf(path.startLsn);
  let first = lastSegment;
  for (let checkpoints = 0; first > firstSegment; first--) {
    checkpoints += await checkpointsIn(source, path, { segment: first, before });
    if (checkpoints >= checkpointsOfDrop) break;
  }
  const tracker = new DropTracker();
  const bytes = readSegments(source, path, first, lastSegment);
  const range = { bytes, startLsn: geometry.startLsn(first), isPast: beginsAt(before) };
  await eachRecord(source, { ...range, wanted: recordsOfDrops }, record => tracker.take(record));
  return tracker.open;
}

/** The number of checkpoints that end in a segment; a shutdown ends everything in progress and counts as enough. */
async function checkpointsIn(
  source: EvidenceSource,
  path: WalPath,
  { segment, before }: { readonly segment: bigint; readonly before: Lsn },
): Promise<number> {
  let count = 0;
  const bytes = readSegments(source, path, segment, segment);
  const startLsn = source.geometry.startLsn(segment);
  await eachRecord(source, { bytes, startLsn, isPast: beginsAt(before), wanted: [] }, record => {
    const operation = record.info & infoMask;
    if (isRestart(record, operation)) count += checkpointsOfDrop;
    else if (record.resourceManager === resourceManagers.xlog && operation === checkpointOnline) count++;
  });
  return count;
}
