/**
 * What the notes of `verify` tell: the last runs, and the data that was read and found sound. The removal policy says
 * which of them count: a planted one would hide damage.
 */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import type { SegmentRange } from '../postgres/wal/segment-range.ts';
import { isBackupId } from './format/backup-record.ts';
import { noteKey } from './format/layout.ts';
import { noteTimeName, type Note, type NoteEntry } from './format/notes/note.ts';
import {
  allParts,
  outdatedReadings,
  outdatedRuns,
  rangesOfReadParts,
} from './format/notes/outdated-verified.ts';
import {
  parseVerifiedParts,
  parseVerifiedRanges,
  parseVerifiedRun,
  runSubject,
  soundParts,
  soundRanges,
  verifiedKind,
  type VerifiedParts,
  type VerifiedRange,
  type VerifiedRun,
} from './format/notes/verified.ts';
import type { NoteReader } from './note-reader.ts';

/** A year of nights with damage: nobody looks for an older sound one. */
const mostRunsRead = 366;

export interface LastVerifications {
  readonly last?: VerifiedRun;
  readonly lastSound?: VerifiedRun;
}

/** @throws StoreError */
export async function lastVerifications(reader: NoteReader): Promise<LastVerifications> {
  const runs = await newestRuns(reader);
  const [last] = runs;
  const lastSound = runs.find(({ run }) => run.damaged === 0);
  return {
    ...(last !== undefined && { last: last.run }),
    ...(lastSound !== undefined && { lastSound: lastSound.run }),
  };
}

/** The segments that were read and found sound since then. @throws StoreError */
export async function verifiedWal(
  reader: NoteReader,
  geometry: WalGeometry,
  since: Date,
): Promise<VerifiedRange[]> {
  const notes = await readSince(reader, since, subject => !isBackupId(subject));
  return soundRanges(notes.flatMap(note => parseVerifiedRanges(note, geometry)));
}

/** The parts of backups that were read and found sound since then. @throws StoreError */
export async function verifiedParts(reader: NoteReader, since: Date): Promise<VerifiedParts[]> {
  const notes = await readSince(reader, since, isBackupId);
  return soundParts(notes.flatMap(note => parseVerifiedParts(note) ?? []));
}

/** What an archive holds, as far as notes may be about it. */
export interface NotedData {
  readonly geometry: WalGeometry | undefined;
  /** Positions with any object. */
  readonly wal: readonly SegmentRange[];
  /** The ids of all backups, whole or not. */
  readonly backups: ReadonlySet<string>;
}

/** The keys of the notes that say nothing more. @throws StoreError */
export async function outdatedVerifications(reader: NoteReader, data: NotedData): Promise<string[]> {
  const entries = (await reader.entries(verifiedKind)).filter(({ subject }) => subject !== runSubject);
  const gone = entries.filter(({ subject }) => isBackupId(subject) && !data.backups.has(subject));
  return [
    ...(await outdatedRunKeys(reader)),
    ...gone.map(({ key }) => key),
    ...(await outdatedWalKeys(reader, entries, data)),
    ...(await outdatedPartsKeys(reader, entries, data)),
  ];
}

async function outdatedRunKeys(reader: NoteReader): Promise<string[]> {
  const runs = await newestRuns(reader);
  const between = outdatedRuns(runs).map(({ entry }) => entry.key);
  const oldest = runs.at(-1);
  if (oldest === undefined || oldest.run.damaged > 0) return between;
  // Readers stop at a sound one.
  const behind = (await runEntries(reader)).filter(({ name }) => name < oldest.entry.name);
  return [...behind.map(({ key }) => key), ...between];
}

async function outdatedWalKeys(
  reader: NoteReader,
  entries: readonly NoteEntry[],
  { geometry, wal }: NotedData,
): Promise<string[]> {
  if (geometry === undefined) return [];
  const aboutWal = entries.filter(({ subject }) => !isBackupId(subject));
  const notes = await reader.read(aboutWal, reader.removalPolicy);
  const readings = notes.flatMap(note => {
    const ranges = parseVerifiedRanges(note, geometry);
    const [first] = ranges;
    return first === undefined ? [] : [{ key: keyOf(reader, note), ...first, ranges }];
  });
  return outdatedReadings(readings, wal).map(({ key }) => key);
}

async function outdatedPartsKeys(
  reader: NoteReader,
  entries: readonly NoteEntry[],
  { backups }: NotedData,
): Promise<string[]> {
  const bySubject = Map.groupBy(entries, ({ subject }) => subject);
  // A single note has nothing newer.
  const several = [...bySubject].filter(([id, some]) => backups.has(id) && some.length > 1);
  const outdated: string[] = [];
  for (const [, some] of several) {
    const notes = await reader.read(some, reader.removalPolicy);
    const readings = notes.flatMap(note => {
      const read = parseVerifiedParts(note);
      return read === undefined
        ? []
        : [{ key: keyOf(reader, note), ...read, ranges: rangesOfReadParts(read) }];
    });
    outdated.push(...outdatedReadings(readings, [allParts]).map(({ key }) => key));
  }
  return outdated;
}

function keyOf({ system }: NoteReader, { subject, name, kind }: Note): string {
  return noteKey(system, subject, name, kind);
}

interface NotedRun {
  readonly entry: NoteEntry;
  readonly run: VerifiedRun;
}

/** The last runs, the newest first, back to a sound one. Usually the first one is. */
async function newestRuns(reader: NoteReader): Promise<NotedRun[]> {
  const runs: NotedRun[] = [];
  for (const entry of (await runEntries(reader)).toReversed().slice(0, mostRunsRead)) {
    const note = await reader.believed(entry, reader.removalPolicy);
    const run = note && parseVerifiedRun(note);
    if (run === undefined) continue;
    runs.push({ entry, run });
    if (run.damaged === 0) break;
  }
  return runs;
}

async function runEntries(reader: NoteReader): Promise<NoteEntry[]> {
  return (await reader.entries(verifiedKind)).filter(({ subject }) => subject === runSubject);
}

/** The key of such a note tells its time, so that older ones are not read. */
async function readSince(
  reader: NoteReader,
  since: Date,
  isAbout: (subject: string) => boolean,
): Promise<Note[]> {
  const from = noteTimeName(since);
  const entries = (await reader.entries(verifiedKind)).filter(
    ({ subject, name }) => subject !== runSubject && isAbout(subject) && name >= from,
  );
  return await reader.read(entries, reader.removalPolicy);
}
