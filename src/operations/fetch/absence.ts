/**
 * The proof that the archive ends here, before fetch says so (docs/exit-codes.md, "Surely absent" and "Gap"; P3).
 * PostgreSQL acts on that answer: it ends the recovery and starts a new timeline. A missing key alone proves nothing.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { contains, type SegmentPosition, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { TimelineHistories } from '../../postgres/wal/timeline-history.ts';
import { systemPrefix, walKey } from '../../repository/format/layout.ts';
import { judgeMetadata } from '../../repository/format/metadata-signature.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { isBelievedWal } from '../../repository/wal/believed-wal.ts';
import { hasLaterSegment } from '../../repository/wal/listing.ts';
import type { AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import { knownFromHistories, type KnownWal } from '../../repository/wal/known-wal.ts';
import { describeLoss } from '../../repository/wal/lost-wal.ts';
import type { NotBelievedError } from '../../repository/wal/read-object.ts';
import { gapReason } from './plan.ts';

/**
 * Proves, after GET found nothing, that a required repository is reachable, is the right one, and knows this system.
 * @throws WalvaultError when the proof fails
 */
export async function proveKnown({ repository, system }: SystemSurvey, signal: AbortSignal): Promise<void> {
  await verifyMarker(repository, signal);
  const { store } = repository;
  for await (const _ of store.list({ prefix: systemPrefix(system), signal })) return;
  throw new WalvaultError(
    'wal-missing',
    `${store.url}: nothing of system ${system.systemId} is archived under ${systemPrefix(system)}`,
    {
      hint: 'Check the cluster name in the configuration: an archive that this system never wrote to cannot say where its WAL ends.',
      retry: true,
    },
  );
}

/** Proves that a required repository does not list the key. @throws WalvaultError when the proof fails */
export async function proveUnlisted(
  { repository: { store } }: SystemSurvey,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const entry of store.list({ prefix: key, signal })) {
    if ('key' in entry && entry.key === key)
      throw new WalvaultError('unreachable', `${store.url}: ${key} is listed and cannot be read`, {
        retry: true,
      });
    break;
  }
}

/** A file that a required repository has, and that is not believed. */
export interface ForeignFile {
  readonly file: WalFileName;
  readonly key: string;
  readonly geometry: WalGeometry;
  readonly disbelief: NotBelievedError;
}

/**
 * Proves that the file is a stranger's: no page of a proxy in an object's place, and behind WAL that is believed. Where
 * what precedes it is not believed either, nobody planted it: `signing.trusted-signers` lacks a host's key, or the archive
 * was begun without signatures, and a recovery must not end there.
 * @throws WalvaultError when the proof fails
 */
export async function proveForeign(
  survey: SystemSurvey,
  { file, key, geometry, disbelief }: ForeignFile,
  signal: AbortSignal,
): Promise<void> {
  const { repository, system } = survey;
  const { store, codec } = repository;
  const stat = await store.head(key, { signal });
  if (stat !== undefined && (await judgeMetadata(codec.keyring, key, stat.metadata)).status === 'good')
    throw new WalvaultError('unreachable', `${store.url}: ${key} is signed, and something else can be read`, {
      retry: true,
    });
  if (file.kind === 'history') return;
  const { timeline, segment } = geometry.positionOf(file);
  const parent = (await survey.timelines()).tree.get(timeline)?.parent;
  for (const each of segment === 0n ? [] : [timeline, parent ?? timeline]) {
    const before = walKey(system, geometry.fileOf(each, segment - 1n));
    if (await isBelievedWal(repository, before, signal)) return;
  }
  throw disbelief;
}

export interface Gap {
  readonly kind: 'removed' | 'given-up' | 'deleted' | 'hole';
  readonly reason: string;
}

export interface GapSearch {
  readonly geometry: WalGeometry;
  /** The histories in `pg_wal`. */
  readonly histories: TimelineHistories;
  /**
   * The answer will be "absent" all the same, and is asked for every few seconds: what costs many requests is left out.
   */
  readonly isStandby: boolean;
  readonly signal: AbortSignal;
}

/**
 * Why the absent segment is a hole in this repository; undefined if nothing shows a hole. Absence is rare in a
 * point-in-time recovery, so this reads all that may show later WAL, the catalogue last. For a standby at the end of the
 * archive it costs three requests, however many timelines and notes there are.
 */
export async function findGap(
  survey: SystemSurvey,
  file: WalFileName & { kind: 'segment' },
  { geometry, histories, isStandby, signal }: GapSearch,
): Promise<Gap | undefined> {
  const position = geometry.positionOf(file);
  const isThere = (range: SegmentRange) => contains(range, position);
  const hasLater = await hasLaterSegment(survey.repository, survey.system, position, { geometry, signal });
  const local = knownFromHistories(histories, geometry);
  const soon = isStandby
    ? gapReason(position, { hasLater, known: [...local, ...(await survey.knownFrom(position, geometry))] })
    : undefined;
  // What is removed or given up at the very end of the archive is absent for a standby, as it will be told in any case.
  if (isStandby && soon === undefined) return undefined;
  if ((await survey.removedWal(geometry)).some(isThere))
    return { kind: 'removed', reason: 'cleanup removed it' };
  // This counts even with nothing later in the archive: a loss record proves that the segment existed.
  const loss = (await survey.lostWal(geometry)).find(isThere);
  if (loss !== undefined) return { kind: 'given-up', reason: `it was ${describeLoss(loss)}` };
  const reason = soon ?? (await reasonInAll(survey, position, { hasLater, local, geometry }));
  return reason === undefined ? undefined : { kind: 'hole', reason };
}

async function reasonInAll(
  survey: SystemSurvey,
  position: SegmentPosition,
  found: { readonly hasLater: boolean; readonly local: readonly KnownWal[]; readonly geometry: WalGeometry },
): Promise<string | undefined> {
  const { hasLater, local, geometry } = found;
  const noted = await survey.knownWal(geometry, { withoutCatalog: true });
  return (
    gapReason(position, { hasLater, known: [...noted, ...local] }) ??
    gapReason(position, { hasLater, known: await survey.knownWal(geometry) })
  );
}

/** The acknowledgement that lets a recovery end before this segment, if somebody gave it. */
export async function findAcknowledgement(
  survey: SystemSurvey,
  file: WalFileName & { kind: 'segment' },
  geometry: WalGeometry,
): Promise<AcknowledgedGap | undefined> {
  const position = geometry.positionOf(file);
  return (await survey.acknowledgedGaps(geometry)).find(gap => contains(gap, position));
}
