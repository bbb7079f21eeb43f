/** Which stretches of which timelines lead to a timeline, by positions and not by numbers or names. */
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { TimelineTree } from '../../repository/wal/timelines.ts';

export interface PathStep {
  readonly timeline: number;
  /** The path leaves the timeline here; undefined on the last one. */
  readonly end: Lsn | undefined;
}

/**
 * From `timeline` back to its oldest known ancestor. A child may have left its parent before the parent itself began
 * (a recovery that stopped early on its way to that parent); the parent then contributes nothing and the grandparent
 * ends at the earlier point, as tliOfPointInHistory in timeline.c finds it.
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

/** Whether a recovery that is at `lsn` on `from` can go on to `timeline`. */
export function reaches(
  tree: TimelineTree,
  from: { readonly timeline: number; readonly lsn: Lsn },
  timeline: number,
): boolean {
  return pathTo(tree, timeline).some(
    step => step.timeline === from.timeline && (step.end === undefined || from.lsn <= step.end),
  );
}

/** Timelines above the lowest one whose history file is missing: nobody can say what they descend from. */
export function timelinesOfUnknownOrigin(tree: TimelineTree, present: Iterable<number>): number[] {
  const all = [...new Set([...present, ...tree.keys()])].sort((a, b) => a - b);
  return all.filter((timeline, index) => index > 0 && !tree.has(timeline));
}
