/**
 * `walvault gap ack`: a person accepts that WAL is lost, so that recoveries may end where it begins.
 *
 * Only segments that are missing now can be acknowledged: what is archived later, or is lost later, is not touched.
 */
import { collect } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import {
  clip,
  cut,
  nameRange,
  subtract,
  union,
  type SegmentRange,
} from '../../postgres/wal/segment-range.ts';
import { walKey } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import { acknowledgedGapNote, type AcknowledgedGap } from '../../repository/format/notes/gap-acknowledged.ts';
import { writeNote } from '../../repository/format/notes/note.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystems, type SystemSurvey } from '../../repository/survey.ts';
import { whatShows } from '../../repository/wal/known-wal.ts';
import { isStoreError, type Store } from '../../stores/store.ts';
import { requireBelievable } from '../require-believable.ts';
import type { AcknowledgedIn, AcknowledgeOptions } from './options.ts';
import { checkSelection, chooseGaps } from './plan.ts';

/**
 * Writes a note into each repository that lacks the WAL. On return the notes are durable.
 * @throws WalvaultError `usage` for a selection that names nothing, `not-found` if nothing of it is missing anywhere,
 *   `key` if nobody would believe the notes, StoreError
 */
export async function acknowledgeGaps(options: AcknowledgeOptions): Promise<AcknowledgedIn[]> {
  checkSelection(options);
  const found: Missing[] = [];
  for (const repository of options.repositories) {
    try {
      found.push(...(await missingIn(repository, options)));
    } catch (error) {
      if (repository.required || !(error instanceof WalvaultError)) throw error;
      const { name } = repository;
      options.log.emit({ kind: 'best-effort-failed', repository: name, failure: toPlainError(error) });
    }
  }
  const systems = new Set(found.map(({ survey }) => survey.system.systemId));
  if (systems.size > 1)
    throw new WalvaultError('usage', `several systems of cluster "${options.cluster}" lack this WAL`, {
      hint: `Choose one with --system-id: ${[...systems].join(', ')}.`,
    });
  if (found.length === 0)
    throw new WalvaultError('not-found', 'none of this WAL is missing', {
      hint: 'An acknowledgement is for WAL that was archived once and is gone; `walvault list` names it.',
    });
  for (const { survey } of found) await requireBelievable(survey.repository);
  const results: AcknowledgedIn[] = [];
  for (const one of found) results.push(await acknowledge(one, options));
  return results;
}

interface Missing {
  readonly survey: SystemSurvey;
  readonly geometry: WalGeometry;
  readonly range: SegmentRange;
  readonly isNew: boolean;
}

async function missingIn(repository: Repository, options: AcknowledgeOptions): Promise<Missing[]> {
  const { cluster, systemId, signal } = options;
  await verifyMarker(repository, signal);
  const found: Missing[] = [];
  for (const survey of await surveySystems(repository, cluster, signal)) {
    if (systemId !== undefined && systemId !== survey.system.systemId) continue;
    const geometry = await survey.geometry();
    if (geometry === undefined) continue;
    const accepted = await survey.acknowledgedGaps(geometry);
    const chosen = chooseGaps(await acceptable(survey, options, geometry), options, geometry);
    for (const range of chosen.flatMap(gap => cut(gap, accepted)))
      found.push({ survey, geometry, range, isNew: !isAccepted(range, accepted) });
  }
  return found;
}

/**
 * The gaps and, where segments are named, also what cleanup removed, what a delete marker hides, and what a fork alone
 * shows: all that `fetch` takes for a gap.
 */
async function acceptable(
  survey: SystemSurvey,
  { first, last, signal }: AcknowledgeOptions,
  geometry: WalGeometry,
): Promise<SegmentRange[]> {
  const gaps = await survey.gaps(geometry);
  const wanted = first === undefined ? undefined : geometry.rangeOfNames(first, last ?? first);
  if (first === undefined || wanted === undefined) return gaps;
  const { runs } = await survey.wal(geometry);
  const others = await survey.removedWal(geometry);
  const begin = { timeline: wanted.timeline, segment: wanted.first };
  const shown = whatShows(begin, await survey.knownWal(geometry));
  if (shown !== undefined) others.push(...clip([wanted], { first: wanted.first, last: shown.last }));
  const file = geometry.fileOf(begin.timeline, begin.segment);
  if (await isHidden(survey.repository.store, walKey(survey.system, file), signal)) others.push(wanted);
  return [...gaps, ...union(others).flatMap(range => subtract(range, [...runs, ...gaps]))];
}

/** True if the object was deleted in a bucket that keeps versions. */
async function isHidden(store: Store, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await store.get(key, { signal, range: { start: 0, end: 1 } });
    await collect(body, 1);
    return false;
  } catch (error) {
    if (isStoreError(error, 'absent')) return error.hasDeleteMarker;
    throw error;
  }
}

function isAccepted(range: SegmentRange, accepted: readonly AcknowledgedGap[]): boolean {
  return subtract(range, accepted).length === 0;
}

async function acknowledge(
  { survey, geometry, range, isNew }: Missing,
  { by, signal }: AcknowledgeOptions,
): Promise<AcknowledgedIn> {
  const { repository, system } = survey;
  if (isNew) await writeNote(repository, system, acknowledgedGapNote(range, geometry, by), signal);
  return {
    repository: repository.name,
    systemId: system.systemId,
    timeline: range.timeline,
    ...nameRange(range, geometry),
    isNew,
  };
}
