/**
 * The search for what shows that an absent history existed (docs/adr/0008): "absent" would send a recovery another way,
 * and give the number of its timeline away a second time.
 *
 * A server takes the lowest number above those it finds (findNewestTimeLine in timeline.c), so whatever a later timeline
 * left shows it, too.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import { historyFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { needsSignature } from '../../repository/encoding/signature-policy.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import { firstHistoryAfter, firstWalFrom } from '../../repository/wal/listing.ts';
import { hasBelievedWal } from '../../repository/wal/believed-wal.ts';
import { lostHistoryHint } from '../../repository/wal/timelines.ts';
import { unlessBestEffort } from './best-effort.ts';
import type { FetchOptions } from './options.ts';
import { deleted, removeMarker, type AbsentIn } from './refuse-gap.ts';

/**
 * The error for a history that existed. A server on that timeline or a later one needs no proof of its own past:
 * PostgreSQL then does without the history, as after a start of archiving on a later timeline.
 */
export async function findLostHistory(
  options: FetchOptions,
  { name, timeline }: WalFileName,
  { surveys, deletedIn }: AbsentIn,
): Promise<WalvaultError | undefined> {
  if (options.reached.some(place => place.timeline >= timeline)) return undefined;
  for (const survey of surveys) {
    const { repository } = survey;
    const isDeleted = deletedIn.includes(repository);
    const shownBy = isDeleted
      ? deleted.reason
      : await unlessBestEffort(repository, options, () => whatShowsTimeline(survey, timeline, options));
    if (shownBy === undefined) continue;
    const hint = `${isDeleted ? `${removeMarker} ` : ''}${lostHistoryHint(timeline)} A recovery that shall follow another timeline needs recovery_target_timeline, and the same --timeline in restore_command.`;
    return new WalvaultError('wal-missing', `${repository.store.url}: ${name} is missing: ${shownBy}`, {
      hint,
      retry: true,
    });
  }
  return undefined;
}

/**
 * The lowest timeline, from `timeline` on, with WAL that the policy believes. Of those with WAL that nobody trusted signed
 * each costs a few requests; where there are too many of them the time limit ends the search, and with it the recovery.
 * @throws StoreError
 */
async function firstBelievedFrom(
  { repository, system }: SystemSurvey,
  timeline: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  let found = await firstWalFrom(repository, system, timeline, signal);
  if (!needsSignature(repository.codec.policy)) return found;
  while (found !== undefined && !(await hasBelievedWal(repository, system, found, signal)))
    found = await firstWalFrom(repository, system, found + 1, signal);
  return found;
}

/** The lowest timeline above `timeline` with a history that is not foreign. @throws StoreError */
async function firstHistory(
  survey: SystemSurvey,
  timeline: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { repository, system } = survey;
  const found = await firstHistoryAfter(repository, system, timeline, signal);
  if (found === undefined || !needsSignature(repository.codec.policy)) return found;
  const { tree, unusable } = await survey.timelines();
  return [...tree.keys(), ...unusable.keys()].filter(newer => newer > timeline).toSorted((a, b) => a - b)[0];
}

/** What shows that the timeline exists, in words; undefined if nothing does. @throws StoreError */
async function whatShowsTimeline(
  survey: SystemSurvey,
  timeline: number,
  { geometry, mode, signal }: FetchOptions,
): Promise<string | undefined> {
  const withWal = await firstBelievedFrom(survey, timeline, signal);
  if (withWal !== undefined) return `WAL of timeline ${withWal} is archived`;
  const newer = await firstHistory(survey, timeline, signal);
  if (newer !== undefined) return `${historyFileName(newer)} is archived`;
  // A standby asks every few seconds: only two listings of one page are made for it.
  if (mode === 'standby') return undefined;
  return (await survey.knownWal(geometry)).find(known => known.timeline >= timeline)?.shownBy;
}
