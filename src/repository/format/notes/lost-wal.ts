/**
 * The note on WAL that a server gave up because its queue had grown beyond `archive.queue-limit`
 * (docs/queue-limit.md).
 *
 * Such a range existed and was never archived: it is a gap even when no later WAL has arrived. A note without a signature
 * counts unless the policy requires one: a false gap only refuses a recovery, but one that is ignored cuts it short.
 */
import type { SignatureVerdict } from '../../../pipeline/openpgp/index.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../../postgres/wal/segment-range.ts';
import type { Fields } from '../fields.ts';
import { walSubject, type NewNote, type Note } from './note.ts';
import { encodeRange, rangeOf } from './noted-range.ts';

export const lostWalKind = 'wal-lost';

/** Segments that one host gave up. */
export interface LostWal extends SegmentRange, LossDetails {
  /** When the first and the last segment were given up, by the clock of that host. */
  readonly lostFrom: Date;
  readonly lostTo: Date;
  /** The verdict on the note's signature. Undefined: a record that is still on this host. */
  readonly verdict?: SignatureVerdict | undefined;
}

export interface LossDetails {
  readonly host: string;
  /** The largest backlog of WAL to be archived, and the limit in force. */
  readonly backlogBytes: number;
  readonly limitBytes: number;
  /** Why the repository did not get the WAL: the error of the first segment. */
  readonly reason: string;
}

export function lostWalNote(lost: LostWal, geometry: WalGeometry): NewNote {
  const { timeline, lostFrom, lostTo, host, backlogBytes, limitBytes, reason } = lost;
  return {
    subject: walSubject(timeline),
    kind: lostWalKind,
    body: {
      ...encodeRange(lost, geometry),
      lostFrom: lostFrom.toISOString(),
      lostTo: lostTo.toISOString(),
      host,
      backlogBytes,
      limitBytes,
      reason,
    },
  };
}

/** Parses the note; undefined if it names no range. */
export function parseLostWal(note: Note, geometry: WalGeometry): LostWal | undefined {
  const { fields, time, verdict } = note;
  const range = rangeOf(note, geometry);
  if (range === undefined) return undefined;
  return {
    ...range,
    lostFrom: fields.time('lostFrom', time),
    lostTo: fields.time('lostTo', time),
    ...lossDetails(fields),
    verdict,
  };
}

/** The details of a loss; all are optional, because a loss without details is still a loss. */
export function lossDetails(fields: Fields): LossDetails {
  return {
    host: fields.text('host', 'an unknown host'),
    backlogBytes: fields.number('backlogBytes', 0),
    limitBytes: fields.number('limitBytes', 0),
    reason: fields.text('reason', 'for a reason that is not known'),
  };
}
