/**
 * The restores in progress: which claims of restores hold their backup and WAL at a moment. Pure.
 *
 * In doubt a claim holds. But whoever can add objects must not be able to stop cleanups for ever, so every claim has an end by
 * the store's clock, and one that the policy does not believe cannot be renewed.
 */
import type { RestoredNote } from './format/notes/restored.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The longest that one note can hold, whatever it says. Older notes are not read, and cleanup removes them. */
export const longestHoldMs = 14 * dayMs;

/** How long claims that are not believed hold a backup, from the first of the notes about it that are still read. */
export const unprovenHoldMs = 2 * dayMs;

/** An unpacking restore renews its claim at least every six hours, so this bridges an outage of a night. */
export const unpackingHoldMs = dayMs;

/** The slowest thaw: S3's DEEP_ARCHIVE in bulk takes up to two days ("Archive retrieval options"). */
export const thawingHoldMs = 2 * dayMs;

export interface RestoreInProgress extends RestoredNote {
  /** False: no trusted signer signed its notes, where one must. */
  readonly isProven: boolean;
  /** When it holds no more unless it is renewed, by the store's clock where that is earlier. */
  readonly heldUntil: Date;
}

/** A note, and whether the policy for removals believes it. */
export interface JudgedRestored {
  readonly note: RestoredNote;
  readonly isProven: boolean;
}

/** The restores that hold something now, the oldest first. `notes` are in the order in which they were written. */
export function restoresInProgress(notes: readonly JudgedRestored[], now: Date): RestoreInProgress[] {
  const newest = new Map<string, JudgedRestored>();
  const firstUnproven = new Map<string, number>();
  for (const judged of notes) {
    const { note, isProven } = judged;
    const { backupId, restoreId } = note;
    const notedMs = note.notedAt.getTime();
    if (!isProven) firstUnproven.set(backupId, Math.min(notedMs, firstUnproven.get(backupId) ?? notedMs));
    // Apart: an unproven note must not end a claim that is proven.
    newest.set(`${isProven} ${backupId} ${restoreId}`, judged);
  }
  const found: RestoreInProgress[] = [];
  for (const { note, isProven } of newest.values()) {
    const limits = [note.until.getTime(), note.notedAt.getTime() + longestHoldMs];
    if (!isProven) limits.push((firstUnproven.get(note.backupId) ?? 0) + unprovenHoldMs);
    const heldUntil = new Date(Math.min(...limits));
    if (note.stage !== 'ended' && heldUntil > now) found.push({ ...note, isProven, heldUntil });
  }
  return found.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
}
