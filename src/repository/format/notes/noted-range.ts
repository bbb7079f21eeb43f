/** The range of segments that a note about WAL names. */
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import { nameRange, type SegmentRange } from '../../../postgres/wal/segment-range.ts';
import type { Note } from './note.ts';

export function encodeRange(range: SegmentRange, geometry: WalGeometry) {
  const { firstSegment, lastSegment } = nameRange(range, geometry);
  return { timeline: range.timeline, first: firstSegment, last: lastSegment };
}

/** The range; undefined if the note names no range of one timeline. */
export function rangeOf({ fields }: Note, geometry: WalGeometry): SegmentRange | undefined {
  return geometry.rangeOfNames(fields.text('first', ''), fields.text('last', ''));
}
