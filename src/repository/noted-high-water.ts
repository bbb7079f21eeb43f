/** The newest segments that notes say were archived. The key of such a note tells its position. */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import type { SegmentPosition } from '../postgres/wal/segment-range.ts';
import { pagesOf } from '../stores/pages.ts';
import { needsSignature } from './encoding/signature-policy.ts';
import { notesPrefix } from './format/layout.ts';
import { highWaterKind, parseHighWater, type HighWater } from './format/notes/high-water.ts';
import { noteEntriesOf, type NoteEntry } from './format/notes/note.ts';
import { notesAtOnce, type NoteReader } from './note-reader.ts';

interface PositionedNote {
  readonly entry: NoteEntry;
  readonly position: HighWater;
}

/**
 * The newest segment of each timeline that a believed note says was archived. Where no signature is required, no note is
 * read for it. @throws StoreError
 */
export async function highestNoted(reader: NoteReader, geometry: WalGeometry): Promise<HighWater[]> {
  const notes = positionedNotes(await reader.entries(highWaterKind), geometry);
  const highest: HighWater[] = [];
  for (const [, some] of Map.groupBy(notes, ({ position }) => position.timeline)) {
    const found = await highestBelieved(reader, some);
    if (found !== undefined) highest.push(found.position);
  }
  return highest;
}

/**
 * A believed note that the segment, or a later one of its timeline, was archived; undefined if there is none among the
 * first that the listing has. @throws StoreError
 */
export async function notedFrom(
  reader: NoteReader,
  position: SegmentPosition,
  geometry: WalGeometry,
): Promise<HighWater | undefined> {
  const { repository, system, signal } = reader;
  const prefix = notesPrefix(system, highWaterKind);
  // Above each note is its name, of which this is the beginning.
  const startAfter = prefix + geometry.nameOf(position.timeline, position.segment);
  for await (const page of pagesOf(repository.store, { prefix, startAfter, signal })) {
    const found = positionedNotes(noteEntriesOf(page), geometry)
      .filter(note => note.position.timeline === position.timeline)
      .slice(-notesAtOnce);
    return (await highestBelieved(reader, found))?.position;
  }
  return undefined;
}

async function highestBelieved(
  reader: NoteReader,
  notes: readonly PositionedNote[],
): Promise<PositionedNote | undefined> {
  const sorted = notes.toSorted((a, b) => (a.position.segment > b.position.segment ? -1 : 1));
  return needsSignature(reader.policy) ? await reader.firstBelieved(sorted, reader.policy) : sorted[0];
}

function positionedNotes(entries: readonly NoteEntry[], geometry: WalGeometry): PositionedNote[] {
  return entries.flatMap(entry => {
    const position = parseHighWater(entry, geometry);
    return position === undefined ? [] : [{ entry, position }];
  });
}
