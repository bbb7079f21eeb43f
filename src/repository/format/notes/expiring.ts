/**
 * The note that announces a backup's removal: its record goes next, then its data. A later cleanup removes the rest.
 */
import type { NewNote } from './note.ts';

export const expiringKind = 'expiring';

/** Makes the note; `reasons` are codes of the decision (docs/reference/json.md). */
export function expiringNote(backupId: string, reasons: readonly string[]): NewNote {
  return { subject: backupId, kind: expiringKind, body: { reasons } };
}
