/** The judgement on timelines: histories that are missing, cannot be read or are not believed, and split brains. Pure. */
import { formatLsn } from '../../postgres/wal/lsn.ts';
import { historyKey } from '../../repository/format/layout.ts';
import { describeSplitBrain, splitBrains } from '../../repository/wal/live-timelines.ts';
import {
  describeLostHistory,
  describeUnfollowable,
  timelinesOfUnknownOrigin,
} from '../../repository/wal/timelines.ts';
import { noLoss, type Finding, type Loss } from './finding.ts';
import type { ArchiveState } from './gather.ts';
import type { LossContext } from './loss.ts';

export function judgeTimelines(state: ArchiveState, context: LossContext): Finding[] {
  return [...unreadable(state, context), ...missing(state, context), ...unbelieved(state), ...split(state)];
}

/** Nobody can follow such a timeline from a backup of its ancestors. */
function unreadable({ system, timelines, runs }: ArchiveState, context: LossContext): Finding[] {
  return [...timelines.unusable].map(([timeline, problem]) => ({
    kind: 'history-unreadable',
    severity: runs.some(run => run.timeline === timeline) ? 'damaged' : 'warning',
    subject: historyKey(system, timeline),
    problem: describeUnfollowable(timeline, problem),
    loss: lossOfTimeline(timeline, context),
    remedies: ['copy', 'older-version', 'remove-and-push'],
    repairable: historyObject(historyKey(system, timeline), 'changed'),
  }));
}

function missing({ system, timelines, runs }: ArchiveState, context: LossContext): Finding[] {
  const { tree, unusable } = timelines;
  return timelinesOfUnknownOrigin(
    tree,
    runs.map(({ timeline }) => timeline),
  )
    .filter(timeline => !unusable.has(timeline))
    .map(timeline => ({
      kind: 'history-missing',
      severity: 'damaged',
      subject: historyKey(system, timeline),
      problem: describeUnfollowable(timeline, describeLostHistory(timeline)),
      loss: lossOfTimeline(timeline, context),
      remedies: ['copy', 'older-version', 'push-missing'],
      repairable: historyObject(historyKey(system, timeline), 'missing'),
    }));
}

/** Its WAL is of no use until a backup that was taken on it. */
function lossOfTimeline(timeline: number, { sound, runs }: LossContext): Loss {
  const first = runs.find(run => run.timeline === timeline);
  const own = sound
    .filter(backup => backup.timeline === timeline)
    .toSorted((a, b) => (a.stopLsn < b.stopLsn ? -1 : 1))[0];
  const geometry = sound[0]?.geometry;
  if (first === undefined || geometry === undefined) return noLoss;
  const window = {
    timeline,
    fromLsn: formatLsn(geometry.startLsn(first.first)),
    toLsn: own && formatLsn(own.stopLsn),
    fromTime: undefined,
    toTime: own?.stopTime,
  };
  return { backups: [], windows: [window] };
}

function unbelieved({ passedOver }: ArchiveState): Finding[] {
  return passedOver.histories.map(({ key, problem }) => ({
    kind: 'history-not-believed',
    severity: 'warning',
    subject: key,
    problem,
    loss: noLoss,
    remedies: ['trust-signer'],
  }));
}

function split({ system, timelines, runs, geometry }: ArchiveState): Finding[] {
  if (geometry === undefined) return [];
  return splitBrains({ ...timelines, runs, geometry }).map(one => ({
    kind: 'split-brain',
    severity: 'warning',
    subject: historyKey(system, one.child),
    problem: `${describeSplitBrain(one)}; last archived ${one.parentArchivedAt.toISOString()}`,
    loss: { ...noLoss, otherwise: `restores ask for --target-timeline ${one.parent} or ${one.child}` },
    remedies: ['stop-server'],
  }));
}

function historyObject(key: string, state: 'missing' | 'changed') {
  return { kind: 'object', key, objectClass: 'catalog', digest: undefined, state } as const;
}
