/** A pin in words: who wrote it, when, until when, and why. */
import type { Pin } from '../repository/format/notes/pin.ts';

export type { Pin };

/** `pinned by alice on db1 2026-11-22T10:00:00.000Z until 2027-01-01T00:00:00.000Z: audit`. */
export function describePin({ pinnedAt, until, user, host, note, verdict }: Pin): string {
  const end = until === undefined ? '' : ` until ${until.toISOString()}`;
  const why = note === '' ? '' : `: ${note}`;
  const doubt =
    verdict.status === 'good' || verdict.status === 'unsigned' ? '' : ` (signature ${verdict.status})`;
  return `pinned by ${user} on ${host} ${pinnedAt.toISOString()}${end}${why}${doubt}`;
}
