/**
 * The note of a person who accepts that a range of WAL is lost: a recovery may end before it as at the end of the
 * archive. A note that the removal policy does not believe counts for nothing: it would cut recoveries short.
 */
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../../postgres/wal/segment-range.ts';
import { walSubject, type NewNote, type Note } from './note.ts';
import { encodeRange, rangeOf } from './noted-range.ts';

export const acknowledgedGapKind = 'gap-acknowledged';

export interface AcknowledgedGap extends SegmentRange, Acknowledgement {
  readonly acknowledgedAt: Date;
}

export interface Acknowledgement {
  /** The user of the operating system, and the host. */
  readonly user: string;
  readonly host: string;
  /** Why the loss is accepted, in that person's words. */
  readonly reason: string;
}

export function acknowledgedGapNote(
  range: SegmentRange,
  geometry: WalGeometry,
  { user, host, reason }: Acknowledgement,
): NewNote {
  return {
    subject: walSubject(range.timeline),
    kind: acknowledgedGapKind,
    body: { ...encodeRange(range, geometry), user, host, reason },
  };
}

/** Parses the note; undefined if it names no range. */
export function parseAcknowledgedGap(note: Note, geometry: WalGeometry): AcknowledgedGap | undefined {
  const { fields, time } = note;
  const range = rangeOf(note, geometry);
  return (
    range && {
      ...range,
      acknowledgedAt: time,
      user: fields.text('user', 'an unknown user'),
      host: fields.text('host', 'an unknown host'),
      reason: fields.text('reason', ''),
    }
  );
}
