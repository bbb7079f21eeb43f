/** A backup whose removal is announced: its record goes next, then its data. What is left of it is finished later. */
import type { NewNote } from './note.ts';

export const expiringKind = 'expiring';

/** `reasons`: codes of the decision (docs/reference/json.md). */
export function expiringNote(backupId: string, reasons: readonly string[]): NewNote {
  return { subject: backupId, kind: expiringKind, body: { reasons } };
}
