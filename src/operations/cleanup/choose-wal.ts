/** The choice of the WAL to keep. Pure: every reason to keep is a range of positions; cleanup may remove the rest. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { covers, cut, nameRange, withoutEnd, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupChoice } from './choose-backups.ts';
import { claimedRanges } from './claimed-by-restores.ts';
import { consistencyPoint } from '../../repository/format/backup-record.ts';
import type { Decision, DecisionReason, KeepReason, RemoveReason, WalDecision } from './decisions.ts';
import type { KnownBackup, PlanInput, RetentionLimits, SystemState } from './state.ts';
import { endedBefore, isInProgress, isProven } from './in-progress.ts';
import { newestReaching } from './timeline-activity.ts';
import { pathTo, reaches, type PathStep } from './timeline-path.ts';

interface Kept extends SegmentRange {
  readonly reason: DecisionReason<KeepReason>;
}

export interface WalChoiceInput extends PlanInput {
  readonly choice: BackupChoice;
  /** Why cleanup may remove no WAL at all; undefined if it may. */
  readonly block: string | undefined;
}

export function chooseWal(input: WalChoiceInput, limits: RetentionLimits): WalDecision[] {
  const { state, choice, block } = input;
  const { geometry } = state;
  if (geometry === undefined) return [];
  if (block !== undefined) {
    const reasons = [{ code: 'in-doubt', text: block }] as const;
    return state.wal.map(stretch => decisionOf(stretch, geometry, { action: 'keep', reasons }));
  }
  const { bounds, ranges } = needsInProgress(input, geometry, limits);
  const kept = [
    ...consistencyRanges(state, choice),
    ...windowRanges(state, choice.windowStarts, geometry),
    ...ranges,
  ];
  const starts = [...choice.windowStarts, ...bounds];
  const early = whyTooEarly(input);
  const removal: DecisionReason<RemoveReason> =
    input.isRetired === true
      ? { code: 'retired', text: 'its system was named to be removed' }
      : { code: 'before-window', text: 'older than every recovery that is kept' };
  const served = new Set(kept.filter(({ last }) => last === withoutEnd).map(({ timeline }) => timeline));
  const doubtful = input.isRetired === true ? [] : unservedRanges(input, { starts, kept, served }, limits);
  // Apart from `kept`: a claim is no backup that would make a timeline one of those that are in use.
  const claimed = claimedRanges(state, geometry);
  return split({ wal: state.wal, geometry }, [...kept, ...doubtful, ...claimed], timeline => {
    if (early !== undefined) return { action: 'keep', reasons: [early] };
    const isServed = served.has(timeline) || input.isRetired === true;
    return { action: 'remove', reasons: [isServed ? removal : unreachable] };
  });
}

const unreachable = { code: 'unreachable', text: 'no kept backup leads to this timeline' } as const;

/**
 * The reason to keep the WAL before the first backup as long as the policy's window reaches back to that backup. In a
 * repository that replaced another one, this WAL continues the backups of the old one, which promise the same window.
 */
function whyTooEarly({ state, choice, isRetired }: WalChoiceInput): DecisionReason<KeepReason> | undefined {
  const { counted, windowStarts } = choice;
  // A backup that was taken by hand and stays until a time of its own says nothing of the window.
  const isByHand = ({ record }: KnownBackup) =>
    choice.kept.get(record.id)?.some(({ code }) => code === 'keep-until') === true;
  const hasMovedOn =
    state.expiring.size > 0 || counted.some(backup => !windowStarts.includes(backup) && !isByHand(backup));
  if (isRetired === true || hasMovedOn) return undefined;
  return {
    code: 'before-first',
    text: 'before the first backup here, and none has expired yet: it may continue a backup in an older repository',
  };
}

interface NeedsInProgress {
  /** The backups that surely begin before those in progress. */
  readonly bounds: readonly KnownBackup[];
  readonly ranges: readonly Kept[];
}

/**
 * The WAL that backups in progress need. Such a backup has no positions yet, and one from a standby may begin at a restart
 * point before its claim. So the newest backup that ended well before the claim is the bound, on each timeline that the
 * backup in progress may be on, and only on the way to that one: another plan, without the bounds that this one removes,
 * must not find more to remove.
 */
function needsInProgress(
  input: WalChoiceInput,
  geometry: WalGeometry,
  limits: RetentionLimits,
): NeedsInProgress {
  const { state, choice } = input;
  const reason = { code: 'in-progress', text: 'a backup in progress may need it' } as const;
  const bounds = new Set<KnownBackup>();
  const ranges: Kept[] = [];
  for (const unfinished of state.unfinished.filter(
    one => isInProgress(one, input, limits) && isProven(one),
  )) {
    const before = endedBefore(unfinished, choice.counted, limits);
    for (const timeline of new Set(state.wal.map(stretch => stretch.timeline))) {
      const bound = newestReaching(state.tree, before, timeline);
      if (bound !== undefined) bounds.add(bound);
      const first = bound === undefined ? 0n : geometry.segmentOf(bound.record.startLsn);
      for (const step of pathTo(state.tree, timeline))
        ranges.push({ timeline: step.timeline, first, last: lastOf(step, geometry), reason });
    }
  }
  return { bounds: [...bounds], ranges: ranges.filter(range => range.first <= range.last) };
}

function lastOf({ end }: PathStep, geometry: WalGeometry): bigint {
  return end === undefined ? withoutEnd : geometry.segmentOf(end);
}

/**
 * The ranges of WAL that make each kept backup consistent. They include the parent's copy of a segment that holds a
 * switchpoint, although a restore does not need it.
 */
function consistencyRanges(state: SystemState, choice: BackupChoice): Kept[] {
  return state.backups
    .filter(({ record }) => choice.kept.has(record.id))
    .flatMap(({ record }) =>
      record.walRanges.map(({ timeline, startLsn, endLsn }) => ({
        ...record.geometry.rangeOf(timeline, startLsn, endLsn),
        reason: { code: 'consistency', text: `makes backup ${record.id} consistent` } as const,
      })),
    );
}

/** All WAL from the start of each window on, on each timeline that a recovery from there can reach. */
function windowRanges(state: SystemState, starts: readonly KnownBackup[], geometry: WalGeometry): Kept[] {
  const timelines = new Set(state.wal.map(({ timeline }) => timeline));
  return starts.flatMap(backup =>
    [...timelines]
      .filter(timeline => reaches(state.tree, consistencyPoint(backup.record), timeline))
      .map(timeline => ({
        timeline,
        first: geometry.segmentOf(backup.record.startLsn),
        last: withoutEnd,
        reason: { code: 'window', text: `recovery from backup ${backup.record.id}` } as const,
      })),
  );
}

interface Served {
  readonly starts: readonly KnownBackup[];
  readonly kept: readonly Kept[];
  readonly served: ReadonlySet<number>;
}

/** The WAL of timelines that no kept backup leads to, but that received WAL after the oldest kept backup began. */
function unservedRanges(
  { state }: WalChoiceInput,
  { starts, kept, served }: Served,
  limits: RetentionLimits,
): Kept[] {
  const oldestStartMs = Math.min(...starts.map(({ record }) => record.startTime.getTime()));
  const positions = kept.filter(({ last }) => last === withoutEnd).map(({ first }) => first);
  const oldestPosition = positions.reduce((least, one) => (one < least ? one : least), positions[0] ?? 0n);
  return [...new Set(state.wal.map(({ timeline }) => timeline))]
    .filter(timeline => !served.has(timeline))
    .filter(timeline =>
      state.wal.some(
        stretch =>
          stretch.timeline === timeline &&
          stretch.lastModified.getTime() >= oldestStartMs - limits.clockSkewMs,
      ),
    )
    .map(timeline => ({
      timeline,
      first: oldestPosition,
      last: withoutEnd,
      reason: {
        code: 'in-doubt',
        text: 'no kept backup leads to this timeline, and it received WAL after the oldest kept backup began',
      } as const,
    }));
}

/** Cuts each range of archived WAL where a kept range begins or ends, and joins neighbours with the same decision. */
function split(
  { wal, geometry }: { readonly wal: readonly SegmentRange[]; readonly geometry: WalGeometry },
  kept: readonly Kept[],
  otherwise: (timeline: number) => Decision,
): WalDecision[] {
  const decisions: WalDecision[] = [];
  for (const stretch of wal) {
    for (const piece of cut(stretch, kept)) {
      const reasons = kept.filter(range => covers(range, piece)).map(({ reason }) => reason);
      const decision: Decision =
        reasons.length > 0 ? { action: 'keep', reasons: summarised(reasons) } : otherwise(stretch.timeline);
      append(decisions, decisionOf(piece, geometry, decision));
    }
  }
  return decisions;
}

/** One recovery window stands for all: a younger one adds nothing, and nobody reads a list of a hundred reasons. */
function summarised(reasons: readonly DecisionReason<KeepReason>[]): DecisionReason<KeepReason>[] {
  const window = reasons.filter(({ code }) => code === 'window').slice(0, 1);
  return window.length > 0 ? window : [...reasons];
}

/**
 * Adds a decision, joined with the previous one if both agree. Removed ranges are joined across holes: cleanup keeps
 * nothing between them, and one note then covers the holes too. Kept ranges are joined only if no segment is missing.
 */
function append(decisions: WalDecision[], next: WalDecision): void {
  const previous = decisions.at(-1);
  const isJoined =
    previous !== undefined &&
    previous.timeline === next.timeline &&
    previous.action === next.action &&
    (next.action === 'remove' || previous.last + 1n === next.first) &&
    sameReasons(previous, next);
  if (!isJoined) decisions.push(next);
  else decisions[decisions.length - 1] = { ...previous, last: next.last, lastSegment: next.lastSegment };
}

function sameReasons(a: WalDecision, b: WalDecision): boolean {
  return (
    a.reasons.length === b.reasons.length &&
    a.reasons.every((reason, index) => reason.text === b.reasons[index]?.text)
  );
}

function decisionOf(range: SegmentRange, geometry: WalGeometry, decision: Decision): WalDecision {
  const { timeline, first, last } = range;
  const { firstSegment, lastSegment } = nameRange(range, geometry);
  return { timeline, first, last, firstSegment, lastSegment, ...decision };
}
