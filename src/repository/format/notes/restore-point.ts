/**
 * The note on a restore point that was made on the server: it can be listed without reading WAL. It says where to look;
 * only the record in the WAL proves that the restore point is there.
 */
import { pieceBounds } from '../../../base/bounds.ts';
import { formatLsn, parseLsn, type Lsn } from '../../../postgres/wal/lsn.ts';
import type { NewNote, Note } from './note.ts';

export const restorePointKind = 'restore-point';

/** The subject of all such notes: they are read together. */
const subject = 'restore-points';

export interface RestorePoint {
  readonly name: string;
  readonly timeline: number;
  /** The end of its record, as pg_create_restore_point() tells it. */
  readonly lsn: Lsn;
  /** When it was made, by the server's clock. */
  readonly madeAt: Date;
  /** The user of the operating system, and the host, who had it made. */
  readonly user: string;
  readonly host: string;
}

export interface NotedRestorePoint extends RestorePoint {
  readonly notedAt: Date;
}

export function restorePointNote(point: RestorePoint): NewNote {
  const { name, timeline, lsn, madeAt, user, host } = point;
  return {
    subject,
    kind: restorePointKind,
    body: { name, timeline, lsn: formatLsn(lsn), madeAt: madeAt.toISOString(), user, host },
  };
}

/** Parses the note; undefined if it names no position. */
export function parseRestorePoint({ fields, time }: Note): NotedRestorePoint | undefined {
  const text = (field: string, otherwise: string) =>
    fields.text(field, otherwise).slice(0, pieceBounds.remark.limitBytes);
  const name = text('name', '');
  const timeline = fields.number('timeline', 0);
  const lsn = lsnOf(fields.text('lsn', ''));
  if (name === '' || timeline < 1 || timeline > 0xffff_ffff || lsn === undefined) return undefined;
  return {
    name,
    timeline,
    lsn,
    madeAt: fields.time('madeAt', time),
    user: text('user', 'an unknown user'),
    host: text('host', 'an unknown host'),
    notedAt: time,
  };
}

function lsnOf(text: string): Lsn | undefined {
  try {
    return parseLsn(text);
  } catch {
    return undefined;
  }
}
