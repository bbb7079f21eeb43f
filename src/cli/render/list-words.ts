/** The words that the tables of `list` share. */
import type { Hole } from '../../operations/list/timelines.ts';

/** So deep a tree is shown as such. */
const deepest = 20;

export function indented(text: string, depth: number): string {
  return '  '.repeat(Math.min(depth, deepest)) + text;
}

export function remarkOf({ status }: { readonly status: string }): string {
  return status === 'unsigned' ? status : `signature ${status}`;
}

export function rangeOf({
  firstSegment,
  lastSegment,
  segmentCount,
}: Pick<Hole, 'firstSegment' | 'lastSegment' | 'segmentCount'>): string {
  return segmentCount === 1 ? firstSegment : `${firstSegment}..${lastSegment} (${segmentCount} segments)`;
}
