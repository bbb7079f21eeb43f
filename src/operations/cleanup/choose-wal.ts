/** Which WAL stays. Pure: every reason to keep is an interval of positions on a timeline; the rest may go. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { covers, cut, nameRange, withoutEnd, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupChoice } from './choose-backups.ts';
import { consistencyPoint } from '../../repository/format/backup-record.ts';
import type { Decision, KeepReason, Reason, RemoveReason, WalDecision } from './decisions.ts';
import type { KnownBackup, PlanInput, RetentionLimits, SystemState } from './state.ts';
import { endedBefore, isInProgress } from './in-progress.ts';
import { newestReaching } from './timeline-activity.ts';
import { pathTo, reaches } from './timeline-path.ts';

interface Kept extends SegmentRange {
  readonly reason: Reason<KeepReason>;
}

export interface WalChoiceInput extends PlanInput {
  readonly choice: BackupChoice;
  /** Why no WAL may go at all; undefined when some may. */
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
  const { starts, whole } = needsOf(input, limits);
  const kept = [
    ...consistencyRanges(state, choice),
    ...windowRanges(state, starts, geometry),
    ...wholeRanges(whole),
  ];
  const removal: Reason<RemoveReason> =
    input.isRetired === true
      ? { code: 'retired', text: 'its system was named to be removed' }
      : { code: 'before-window', text: 'older than every recovery that is kept' };
  const served = new Set(kept.filter(({ last }) => last === withoutEnd).map(({ timeline }) => timeline));
  const doubtful = input.isRetired === true ? [] : unservedRanges(input, { starts, kept, served }, limits);
  return split({ wal: state.wal, geometry }, [...kept, ...doubtful], timeline =>
    served.has(timeline) || input.isRetired === true
      ? removal
      : { code: 'unreachable', text: 'no kept backup leads to this timeline' },
  );
}

interface Needs {
  /** Backups from whose start on WAL stays. */
  readonly starts: readonly KnownBackup[];
  /** Timelines of which everything stays, back to their oldest ancestor. */
  readonly whole: ReadonlySet<number>;
}

/**
 * A backup in progress has no positions yet, and one taken from a standby may begin at a restart point from before its
 * claim: the newest backup that ended well before the claim bounds it, on each timeline it may be on.
 */
function needsOf(input: WalChoiceInput, limits: RetentionLimits): Needs {
  const { state, choice } = input;
  const starts = new Set(choice.windowStarts);
  const whole = new Set<number>();
  for (const unfinished of state.unfinished.filter(one => isInProgress(one, input, limits))) {
    const before = endedBefore(unfinished, choice.counted, limits);
    for (const timeline of new Set(state.wal.map(stretch => stretch.timeline))) {
      const bound = newestReaching(state.tree, before, timeline);
      if (bound === undefined) for (const step of pathTo(state.tree, timeline)) whole.add(step.timeline);
      else starts.add(bound);
    }
  }
  return { starts: [...starts], whole };
}

function wholeRanges(whole: ReadonlySet<number>): Kept[] {
  const reason = { code: 'in-progress', text: 'a backup in progress may need it' } as const;
  return [...whole].map(timeline => ({ timeline, first: 0n, last: withoutEnd, reason }));
}

/**
 * From the first to the last byte of what makes each kept backup consistent: of a segment in which a timeline was left
 * the parent's copy too, although none is needed.
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

/** Everything from a start on, on each timeline that can be reached from it. */
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

/** A timeline that no kept backup leads to and that still received WAL after the oldest start: nobody knows its use. */
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

/** Cuts each stretch where a kept interval begins or ends, and joins neighbours of the same decision. */
function split(
  { wal, geometry }: { readonly wal: readonly SegmentRange[]; readonly geometry: WalGeometry },
  kept: readonly Kept[],
  removal: (timeline: number) => Reason<RemoveReason>,
): WalDecision[] {
  const decisions: WalDecision[] = [];
  for (const stretch of wal) {
    for (const piece of cut(stretch, kept)) {
      const reasons = kept.filter(range => covers(range, piece)).map(({ reason }) => reason);
      const decision: Decision =
        reasons.length > 0
          ? { action: 'keep', reasons: summarised(reasons) }
          : { action: 'remove', reasons: [removal(stretch.timeline)] };
      append(decisions, decisionOf(piece, geometry, decision));
    }
  }
  return decisions;
}

/** Recovery from an old backup says all that the younger ones' would; a list of a hundred reasons says nothing. */
function summarised(reasons: readonly Reason<KeepReason>[]): Reason<KeepReason>[] {
  const window = reasons.filter(({ code }) => code === 'window').slice(0, 1);
  return window.length > 0 ? window : [...reasons];
}

/**
 * Removed ranges are joined across holes: nothing between them stays, and one note then covers the holes too. Kept
 * ones are joined only where nothing is missing.
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
