/**
 * What it takes to tell PostgreSQL that the archive ends here (DESIGN "surely absent" and "gap", P3). PostgreSQL acts
 * on that answer: it ends the recovery and opens a new timeline. So a missing key alone proves nothing.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { segmentNumber, parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import type { TimelineHistories } from '../../postgres/wal/timeline-history.ts';
import { readClusterRecord } from '../../repository/format/cluster-record.ts';
import { systemPrefix, type SystemPath } from '../../repository/format/layout.ts';
import { describeLoss, findLoss } from '../../repository/format/notes/lost-wal.ts';
import { readLostWal } from '../../repository/wal/read-lost-wal.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import { readNotes, walSubject } from '../../repository/format/notes/note.ts';
import type { Repository } from '../../repository/repository.ts';
import { historiesFromTree, readTimelineTree } from '../../repository/wal/timelines.ts';
import { hasLaterSegment } from '../../repository/wal/listing.ts';
import { gapReason } from './plan.ts';

/**
 * Proves, after GET said so, that a required repository is there, is the right one, knows this system and does not
 * list the key. @throws WalvaultError when it cannot be proven
 */
export async function proveAbsent(
  repository: Repository,
  system: SystemPath,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  await verifyMarker(repository, signal);
  const { store } = repository;
  if ((await readClusterRecord(store, system, signal)) === undefined) {
    throw new WalvaultError(
      'wal-missing',
      `${store.url}: nothing of system ${system.systemId} is archived under ${systemPrefix(system)}`,
      {
        hint: 'Check the cluster name in the configuration: an archive that this system never wrote to cannot say where its WAL ends.',
        retry: true,
      },
    );
  }
  for await (const entry of store.list({ prefix: key, signal })) {
    if ('key' in entry && entry.key === key) {
      throw new WalvaultError('unreachable', `${store.url}: ${key} is listed and cannot be read`, {
        retry: true,
      });
    }
    break;
  }
}

export interface Gap {
  readonly kind: 'removed' | 'given-up' | 'hole';
  readonly reason: string;
}

export interface GapSearch {
  readonly system: SystemPath;
  readonly segmentSizeBytes: number;
  /** Those that lie in `pg_wal`. */
  readonly histories: TimelineHistories;
  readonly signal: AbortSignal;
}

/** Why the absent segment is a hole in this repository's archive, or undefined. */
export async function findGap(
  repository: Repository,
  file: WalFileName & { kind: 'segment' },
  { system, segmentSizeBytes, histories, signal }: GapSearch,
): Promise<Gap | undefined> {
  const segment = segmentNumber(file, segmentSizeBytes);
  const hasLater = await hasLaterSegment(
    repository,
    system,
    { timeline: file.timeline, segment, segmentSizeBytes },
    signal,
  );
  if (await isRemoved(repository, system, file, segmentSizeBytes, signal))
    return { kind: 'removed', reason: 'cleanup removed it' };
  // Also with nothing later in the archive: that it was given up proves that there was more.
  const losses = await readLostWal(repository, system, segmentSizeBytes, signal);
  const loss = findLoss(losses, file.timeline, segment);
  if (loss !== undefined) return { kind: 'given-up', reason: `it was ${describeLoss(loss)}` };
  const archived = historiesFromTree(await readTimelineTree(repository, system, signal));
  const reason = gapReason(file, { hasLater, histories: [...archived, ...histories], segmentSizeBytes });
  return reason === undefined ? undefined : { kind: 'hole', reason };
}

async function isRemoved(
  repository: Repository,
  system: SystemPath,
  file: WalFileName & { kind: 'segment' },
  segmentSizeBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  const notes = await readNotes(repository, system, walSubject(file.timeline), signal);
  return notes.some(note => {
    if (note.kind !== 'wal-removed') return false;
    const [first, last] = [note.body['first'], note.body['last']].map(name => parseWalFileName(String(name)));
    if (first?.kind !== 'segment' || last?.kind !== 'segment') return false;
    const wanted = segmentNumber(file, segmentSizeBytes);
    return (
      segmentNumber(first, segmentSizeBytes) <= wanted && wanted <= segmentNumber(last, segmentSizeBytes)
    );
  });
}
