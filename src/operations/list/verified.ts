/** How far a backup was verified, from the notes on its parts. Pure. */
import type { ReadDepth, VerifiedParts } from '../../repository/format/notes/verified.ts';

export interface VerifiedBackup {
  /** Since then no part that counts was read. */
  readonly verifiedAt: Date;
  /** `stored`: of at least one part only the stored bytes were compared. */
  readonly depth: ReadDepth;
  /** The number of parts that were read and found sound, and of all. */
  readonly partCount: number;
  readonly ofParts: number;
}

/**
 * The last verification of each part counts; the time is that of the part whose last one is longest ago. Undefined if none
 * was verified.
 */
export function verifiedOf(
  { id, parts }: { readonly id: string; readonly parts: Iterable<{ readonly number: number }> },
  notes: readonly VerifiedParts[],
): VerifiedBackup | undefined {
  const numbers = [...parts].map(({ number }) => number);
  const own = notes
    .filter(({ backup }) => backup === id)
    .toSorted((a, b) => b.verifiedAt.getTime() - a.verifiedAt.getTime());
  let left = numbers;
  let oldest: Date | undefined;
  let depth: ReadDepth = 'decoded';
  for (const note of own) {
    const rest = left.filter(
      number => !note.parts.some(([first, last]) => first <= number && number <= last),
    );
    if (rest.length === left.length) continue;
    left = rest;
    oldest = note.verifiedAt;
    if (note.depth === 'stored') depth = 'stored';
    if (left.length === 0) break;
  }
  if (oldest === undefined) return undefined;
  return { verifiedAt: oldest, depth, partCount: numbers.length - left.length, ofParts: numbers.length };
}
