/** High-water notes, written now and then: where nothing later is left, they show that a tail of the archive is lost. */
import { startDeadline } from '../../base/time/deadline.ts';
import { orAborted } from '../../base/time/wait.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Log } from '../../observe/events/events.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentPosition } from '../../postgres/wal/segment-range.ts';
import type { SystemPath } from '../format/layout.ts';
import { highWaterNote } from '../format/notes/high-water.ts';
import { writeNote } from '../format/notes/note.ts';
import type { Repository } from '../repository.ts';

/** One note for each GiB of WAL: two small requests beside 64 segments of the usual size, and nothing to remember. */
const bytesPerNote = 1024 ** 3;

/** True for the segments that a push notes. */
export function isHighWaterMark(segment: bigint, { segmentSizeBytes }: WalGeometry): boolean {
  return segment % BigInt(bytesPerNote / segmentSizeBytes) === 0n;
}

export interface HighWaterNoting {
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const timeoutMs = 5_000;

/** Notes that the segment is archived in these repositories. A failure causes a warning and no error. */
export async function noteHighWater(
  repositories: readonly Repository[],
  position: SegmentPosition,
  { system, geometry, log, signal }: HighWaterNoting,
): Promise<void> {
  const note = highWaterNote(position, geometry);
  const deadline = startDeadline(timeoutMs, 'noting the archived position', signal);
  const inOne = async (repository: Repository) => {
    try {
      await orAborted(writeNote(repository, system, note, deadline.signal), deadline.signal);
    } catch (error) {
      if (!(error instanceof WalvaultError) && !deadline.signal.aborted) throw error;
      log.emit({ kind: 'high-water-not-noted', repository: repository.name, failure: toPlainError(error) });
    }
  };
  try {
    await Promise.all(repositories.map(inOne));
  } finally {
    deadline.clear();
  }
}
