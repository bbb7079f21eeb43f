/** The notes that pin a backup and unpin it: a pinned backup stays whatever the policy says. */
import { pieceBounds } from '../../../base/bounds.ts';
import type { SignatureVerdict } from '../../../pipeline/openpgp/index.ts';
import type { NewNote, Note } from './note.ts';

export const pinKind = 'pin';
export const unpinKind = 'unpin';

/** A pin of one backup. A backup may have several, by different people, and each is taken back by itself. */
export interface Pin extends PinDetails {
  /** Names this pin in every repository that it was written to. */
  readonly id: string;
  readonly pinnedAt: Date;
  readonly verdict: SignatureVerdict;
}

export interface PinDetails {
  /** The pin counts until then; undefined: until it is taken back. */
  readonly until: Date | undefined;
  /** The user of the operating system, and the host. */
  readonly user: string;
  readonly host: string;
  /** Why, in that person's words; may be empty. */
  readonly note: string;
}

export function pinNote(backupId: string, pin: PinDetails & { readonly id: string }): NewNote {
  const { id, until, user, host, note } = pin;
  return {
    subject: backupId,
    kind: pinKind,
    body: { id, ...(until !== undefined && { until: until.toISOString() }), user, host, note },
  };
}

/** Takes back the pins with these ids, and no later one. */
export function unpinNote(
  backupId: string,
  { ids, user, host }: { readonly ids: readonly string[]; readonly user: string; readonly host: string },
): NewNote {
  return { subject: backupId, kind: unpinKind, body: { pins: ids, user, host } };
}

/**
 * The pins that count now, by backup, from notes of both kinds in the order in which they were written. A pin by anybody
 * pins; a note takes pins back only if it is believed: those that it names, or all before it if it names none. A pin whose
 * end cannot be read has none.
 */
export function pinsOf(
  notes: readonly Note[],
  { isBelieved, now }: { readonly isBelieved: (note: Note) => boolean; readonly now: Date },
): ReadonlyMap<string, readonly Pin[]> {
  const believed = notes.filter(note => note.kind === unpinKind && isBelieved(note));
  const takenBack = new Set(believed.flatMap(note => namedPins(note).map(id => `${note.subject} ${id}`)));
  const pins = new Map<string, readonly Pin[]>();
  for (const note of notes) {
    const before = pins.get(note.subject) ?? [];
    if (note.kind === pinKind) {
      const pin = parsePin(note);
      const isOver = pin.until !== undefined && pin.until.getTime() <= now.getTime();
      if (!isOver && !takenBack.has(`${note.subject} ${pin.id}`)) pins.set(note.subject, [...before, pin]);
    } else if (believed.includes(note) && !note.fields.has('pins')) pins.delete(note.subject);
  }
  return pins;
}

function parsePin({ fields, name, time, verdict }: Note): Pin {
  const text = (field: string, otherwise: string) =>
    fields.text(field, otherwise).slice(0, pieceBounds.remark.limitBytes);
  const until = fields.time('until', noEnd);
  return {
    // A pin without an id of its own is told from others by its key.
    id: text('id', name),
    pinnedAt: time,
    until: until === noEnd ? undefined : until,
    user: text('user', 'an unknown user'),
    host: text('host', 'an unknown host'),
    note: text('note', ''),
    verdict,
  };
}

const noEnd = new Date(8.64e15);

/** Ids of the pins that a note takes back. One that names them wrongly takes back none. */
function namedPins({ fields }: Note): string[] {
  try {
    return fields.has('pins') ? fields.texts('pins') : [];
  } catch {
    return [];
  }
}
