/** The path to a timeline: the parts of its ancestors that lead to it, by positions and not by numbers. Pure. */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { TimelineTree } from '../../repository/wal/timelines.ts';

export interface PathStep {
  readonly timeline: number;
  /** The LSN at which the path leaves this timeline; undefined on the last timeline. */
  readonly end: Lsn | undefined;
}

/**
 * The path from `timeline` back to its oldest known ancestor. A child may have left its parent before the parent itself
 * began (a recovery that stopped early on its way to that parent). Then the parent contributes nothing and the
 * grandparent ends at the earlier point, as in tliOfPointInHistory in timeline.c.
 */
export function pathTo(tree: TimelineTree, timeline: number): PathStep[] {
  const steps: PathStep[] = [];
  let current: number | undefined = timeline;
  let end: Lsn | undefined;
  while (current !== undefined && steps.length <= tree.size) {
    steps.push({ timeline: current, end });
    const branch = tree.get(current);
    if (branch !== undefined) end = end === undefined || branch.switchpoint < end ? branch.switchpoint : end;
    current = branch?.parent;
  }
  return steps;
}

/** Whether a recovery at the position `from` can go on to `timeline`. */
export function reaches(
  tree: TimelineTree,
  from: { readonly timeline: number; readonly lsn: Lsn },
  timeline: number,
): boolean {
  return pathTo(tree, timeline).some(
    step => step.timeline === from.timeline && (step.end === undefined || from.lsn <= step.end),
  );
}
