/** The check of the timelines: each history can be read, and none is archived on after another one left it (a split brain). */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Repository } from '../../repository/repository.ts';
import { describeSplitBrain, splitBrains } from '../../repository/wal/live-timelines.ts';
import { firstWalFrom, type WalRun } from '../../repository/wal/listing.ts';
import {
  describeLostHistory,
  describeUnfollowable,
  healHistoryHint,
  lostHistoryHint,
  timelinesOfUnknownOrigin,
  type ArchivedTimelines,
} from '../../repository/wal/timelines.ts';
import { failure, warning, type Checklist, type Finding } from './checklist.ts';
import { proveSystems, type SystemsCheck } from './prove-systems.ts';

/** Adds no line where each history can be read and each timeline ended when another one left it. */
export async function checkTimelines(
  list: Checklist,
  repository: Repository,
  options: Omit<SystemsCheck, 'what'>,
): Promise<void> {
  await proveSystems(list, repository, { ...options, what: 'timelines' }, async (survey, geometry) => {
    const timelines = await survey.timelines();
    const { tree, unusable } = timelines;
    const { system } = survey;
    // The usual case, which needs no listing of all WAL.
    if (
      tree.size + unusable.size === 0 &&
      (await firstWalFrom(repository, system, 2, options.signal)) === undefined
    )
      return [];
    const { runs } = await survey.wal(geometry);
    return [
      ...unusableFindings(timelines, runs),
      ...lostFindings(timelines, runs),
      ...splitBrainFindings(timelines, runs, geometry),
    ];
  });
}

/** WAL of a timeline that nobody can follow is lost to recoveries; restore does not choose beside it. */
function unusableFindings({ unusable }: ArchivedTimelines, runs: readonly WalRun[]): Finding[] {
  return [...unusable].map(([timeline, problem]) => {
    const judge = runs.some(run => run.timeline === timeline) ? failure : warning;
    return judge(describeUnfollowable(timeline, problem), healHistoryHint(timeline));
  });
}

/** Nobody can say what such a timeline descends from, so no recovery goes on to it, and cleanup removes nothing. */
function lostFindings({ tree, unusable }: ArchivedTimelines, runs: readonly WalRun[]): Finding[] {
  return timelinesOfUnknownOrigin(
    tree,
    runs.map(({ timeline }) => timeline),
  )
    .filter(timeline => !unusable.has(timeline))
    .map(timeline =>
      failure(describeUnfollowable(timeline, describeLostHistory(timeline)), lostHistoryHint(timeline)),
    );
}

function splitBrainFindings(
  timelines: ArchivedTimelines,
  runs: readonly WalRun[],
  geometry: WalGeometry,
): Finding[] {
  return splitBrains({ ...timelines, runs, geometry }).map(split =>
    warning(
      `${describeSplitBrain(split)}; last archived ${split.parentArchivedAt.toISOString()}`,
      `Stop the server that is not meant to run; a copy gets archive_mode = off or a cluster name of its own. Until cleanup removes one of them, restores ask for --target-timeline ${split.parent} or ${split.child}.`,
    ),
  );
}
