/**
 * The note on a segment that was archived, written now and then: it shows that a tail of the archive is lost.
 *
 * Its key carries the position, so that a listing alone tells it. Where a signature is required, the highest note of
 * each timeline is read and must have a good one.
 */
import { parseWalFileName } from '../../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { SegmentPosition } from '../../../postgres/wal/segment-range.ts';
import type { NewNote, NoteEntry } from './note.ts';

export const highWaterKind = 'high-water';

/** A segment that once was archived, as were those before it on its timeline. */
export interface HighWater extends SegmentPosition {
  readonly key: string;
  /** When the note reached the store. */
  readonly notedAt: Date;
}

/** Makes the note; the segment must be durable in the repository. */
export function highWaterNote({ timeline, segment }: SegmentPosition, geometry: WalGeometry): NewNote {
  const name = geometry.nameOf(timeline, segment);
  return { subject: highWaterKind, kind: highWaterKind, name, body: { segment: name } };
}

/** Parses the key of the note; undefined if it names no segment. */
export function parseHighWater(
  { key, name, modified }: NoteEntry,
  geometry: WalGeometry,
): HighWater | undefined {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') return undefined;
  return { ...geometry.positionOf(file), key, notedAt: modified };
}

/** The notes that say nothing more: those below a believed one of their timeline. Pure. */
export function outdatedHighWater(
  notes: readonly HighWater[],
  believed: readonly SegmentPosition[],
): HighWater[] {
  const highest = new Map<number, bigint>();
  for (const { timeline, segment } of believed)
    if (segment > (highest.get(timeline) ?? -1n)) highest.set(timeline, segment);
  return notes.filter(({ timeline, segment }) => segment < (highest.get(timeline) ?? 0n));
}
