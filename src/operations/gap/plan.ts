/** The choice of the gaps that an acknowledgement is about. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { clip, contains, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { GapSelection } from './options.ts';

/** @throws WalvaultError `usage` for names that are no segments of one timeline, and for a selection of nothing */
export function checkSelection({ timeline, first, last }: GapSelection): void {
  const [from, to] = [first, last].map(name => (name === undefined ? undefined : parseWalFileName(name)));
  for (const [name, file] of [
    [first, from],
    [last, to],
  ] as const)
    if (name !== undefined && file?.kind !== 'segment')
      throw usage(
        `"${name}" is not the name of a WAL segment`,
        'A name has 24 hex digits, as `walvault list` shows it.',
      );
  if (from?.kind !== 'segment') {
    if (timeline === undefined)
      throw usage(
        'gap ack: nothing says which gap is accepted',
        'Give the name of a missing segment, as `walvault list` or the failed recovery shows it, or --timeline for every gap of one timeline.',
      );
    return;
  }
  if (timeline !== undefined && timeline !== from.timeline)
    throw usage(
      `${first ?? ''} is a segment of timeline ${from.timeline}, not of ${timeline}`,
      'A segment name tells its timeline: leave --timeline out.',
    );
  if (to?.kind !== 'segment') return;
  if (to.timeline !== from.timeline || to.name < from.name)
    throw usage(
      `${to.name} does not follow ${from.name} on its timeline`,
      'Give the first and the last missing segment of one timeline, in this order.',
    );
}

/** The parts of the gaps that the selection, which was checked, names. */
export function chooseGaps<T extends SegmentRange>(
  gaps: readonly T[],
  { timeline, first, last }: GapSelection,
  geometry: WalGeometry,
): T[] {
  if (first === undefined) return gaps.filter(gap => gap.timeline === timeline);
  const wanted = geometry.rangeOfNames(first, last ?? first);
  if (wanted === undefined) return [];
  const here = gaps.filter(gap => gap.timeline === wanted.timeline);
  if (last !== undefined) return clip(here, wanted);
  return here.filter(gap => contains(gap, { timeline: wanted.timeline, segment: wanted.first }));
}

function usage(message: string, hint: string): WalvaultError {
  return new WalvaultError('usage', message, { hint });
}
