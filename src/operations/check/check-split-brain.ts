/** The check for a split brain: two servers that archive under the same cluster name, each on a timeline of its own. */
import { listSystemIds } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { surveySystem } from '../../repository/survey.ts';
import { describeSplitBrain, splitBrains } from '../../repository/wal/live-timelines.ts';
import { linkOf } from './check-store.ts';
import { warning, type Checklist, type Finding } from './checklist.ts';

/** Adds no line where each timeline ended when another one left it. */
export async function checkSplitBrain(
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
  if (timelines.tree.size === 0) return [];
  const { geometry } = cluster;
  const { runs } = await survey.wal(geometry);
  return splitBrains({ ...timelines, runs, geometry }).map(split =>
    warning(
      `${describeSplitBrain(split)}; last archived ${split.parentArchivedAt.toISOString()}`,
      `Stop the server that is not meant to run; a copy gets archive_mode = off or a cluster name of its own. Until cleanup removes one of them, restores ask for --target-timeline ${split.parent} or ${split.child}.`,
    ),
  );
}
