/** The check of the timelines: each history can be read, and none is archived on after another one left it (a split brain). */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { listSystemIds } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { describeSplitBrain, splitBrains } from '../../repository/wal/live-timelines.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import {
  describeUnfollowable,
  healHistoryHint,
  type ArchivedTimelines,
} from '../../repository/wal/timelines.ts';
import { linkOf } from './check-store.ts';
import { failure, warning, type Checklist, type Finding } from './checklist.ts';

/** Adds no line where each history can be read and each timeline ended when another one left it. */
export async function checkTimelines(
  list: Checklist,
  repository: Repository,
  { cluster, signal }: { readonly cluster: string; readonly signal: AbortSignal },
): Promise<void> {
  await list.prove(linkOf(repository), 'timelines', {
    signal,
    work: async () => {
      const findings: Finding[] = [];
      for (const systemId of await listSystemIds(repository.store, cluster, signal))
        findings.push(...(await findingsOf(repository, { cluster, systemId }, signal)));
      return findings;
    },
  });
}

async function findingsOf(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Finding[]> {
  const survey = surveySystem(repository, system, signal);
  const cluster = await survey.clusterRecord();
  if (cluster === undefined) return [];
  const timelines = await survey.timelines();
  // The usual case, which needs no listing of all WAL.
  if (timelines.tree.size + timelines.unusable.size === 0) return [];
  const { geometry } = cluster;
  const { runs } = await survey.wal(geometry);
  return [...unusableFindings(timelines, runs), ...splitBrainFindings(timelines, runs, geometry)];
}

/** WAL of a timeline that nobody can follow is lost to recoveries; restore does not choose beside it. */
function unusableFindings({ unusable }: ArchivedTimelines, runs: readonly WalRun[]): Finding[] {
  return [...unusable].map(([timeline, problem]) => {
    const judge = runs.some(run => run.timeline === timeline) ? failure : warning;
    return judge(describeUnfollowable(timeline, problem), healHistoryHint(timeline));
  });
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
