/**
 * The notes on what `verify` has read and found sound: WAL by ranges, backups by their parts, and each run as a whole.
 *
 * They save work, and let people see when somebody looked last. A note that the removal policy does not believe counts for
 * nothing: it would hide damage.
 */
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import { nameRange, subtract, type SegmentRange } from '../../../postgres/wal/segment-range.ts';
import { walSubject, type NewNote, type Note } from './note.ts';

export const verifiedKind = 'verified';

/** What a later note says of what an earlier one found sound: it is to be read again, until it is sound. */
const damagedDepth = 'damaged';

/** The subject of notes on whole runs. */
export const runSubject = 'verify';

/**
 * How deep objects were read. `stored`: their stored bytes have the digest that was recorded for them. `decoded`: they were
 * decoded, too, and hold what was archived.
 */
export type ReadDepth = 'stored' | 'decoded';

/** Segments that were read and found sound. */
export type VerifiedRange = NotedAs<ReadDepth> & SegmentRange;

/** Segments that were read. */
export type ReadRange = NotedAs<ReadDepth | typeof damagedDepth> & SegmentRange;

interface NotedAs<Depth> {
  readonly depth: Depth;
  readonly verifiedAt: Date;
}

/** Parts of a backup that were read and found sound, with its manifest. */
export type VerifiedParts = NotedAs<ReadDepth> & PartNumbers;

/** Parts of a backup that were read. */
export type ReadParts = NotedAs<ReadDepth | typeof damagedDepth> & PartNumbers;

/** Stands among the numbers of parts for what belongs to no part: the name map, and the indexes of all parts. */
export const besideParts = 0;

interface PartNumbers {
  readonly backup: string;
  /** Numbers of parts, and `besideParts`; both ends are included. */
  readonly parts: readonly NumberRange[];
}

export type NumberRange = readonly [first: number, last: number];

/** One run of `verify` over one system in one repository, to its end. */
export interface VerifiedRun {
  readonly verifiedAt: Date;
  /** `continuity`: no data was read. */
  readonly depth: 'continuity' | ReadDepth;
  /** The findings; repaired ones are not among them. */
  readonly damaged: number;
  readonly warnings: number;
  /** What was read in this run. */
  readonly segmentCount: number;
  readonly partCount: number;
}

/** So many ranges are in one note, which stays below its limit in bytes. */
const mostRanges = 500;

/** The notes on the ranges, which are of any timelines. */
export function verifiedWalNotes(
  ranges: readonly SegmentRange[],
  geometry: WalGeometry,
  depth: ReadRange['depth'],
): NewNote[] {
  return [...Map.groupBy(ranges, ({ timeline }) => timeline)].flatMap(([timeline, here]) => {
    const names = here.map(range => nameRange(range, geometry));
    return listsOf(names.map(({ firstSegment, lastSegment }) => `${firstSegment}-${lastSegment}`)).map(
      list => ({
        subject: walSubject(timeline),
        kind: verifiedKind,
        body: { depth, ranges: list },
      }),
    );
  });
}

export function verifiedPartsNotes({ backup, parts, depth }: Omit<ReadParts, 'verifiedAt'>): NewNote[] {
  return listsOf(parts.map(([first, last]) => `${first}-${last}`)).map(list => ({
    subject: backup,
    kind: verifiedKind,
    body: { depth, parts: list },
  }));
}

export function verifiedRunNote(run: Omit<VerifiedRun, 'verifiedAt'>): NewNote {
  return { subject: runSubject, kind: verifiedKind, body: { ...run } };
}

/** None for a note that is not about WAL. */
export function parseVerifiedRanges({ fields, time }: Note, geometry: WalGeometry): ReadRange[] {
  const depth = noteDepthOf(fields.text('depth', ''));
  if (depth === undefined) return [];
  return pairsIn(fields.text('ranges', '')).flatMap(([first, last]) => {
    const range = geometry.rangeOfNames(first, last);
    return range === undefined ? [] : [{ ...range, depth, verifiedAt: time }];
  });
}

/** Undefined for a note that names no parts. */
export function parseVerifiedParts({ subject, fields, time }: Note): ReadParts | undefined {
  const depth = noteDepthOf(fields.text('depth', ''));
  const parts = pairsIn(fields.text('parts', '')).map(([first, last]): NumberRange => [
    Number(first),
    Number(last),
  ]);
  return depth === undefined || parts.length === 0
    ? undefined
    : { backup: subject, parts, depth, verifiedAt: time };
}

/** Undefined for a note that is not about a run. */
export function parseVerifiedRun({ subject, fields, time }: Note): VerifiedRun | undefined {
  const depth = fields.text('depth', '');
  if (subject !== runSubject || (depth !== 'continuity' && depthOf(depth) === undefined)) return undefined;
  return {
    verifiedAt: time,
    depth: depthOf(depth) ?? 'continuity',
    damaged: fields.number('damaged', 0),
    warnings: fields.number('warnings', 0),
    segmentCount: fields.number('segmentCount', 0),
    partCount: fields.number('partCount', 0),
  };
}

/** What is sound by its last note. */
export function soundRanges(read: readonly ReadRange[]): VerifiedRange[] {
  return read.flatMap(range => {
    const { depth, ...rest } = range;
    if (depth === damagedDepth) return [];
    const later = read.filter(one => one.depth === damagedDepth && one.verifiedAt > range.verifiedAt);
    return subtract({ ...rest, depth }, later);
  });
}

/** What is sound by its last note. */
export function soundParts(read: readonly ReadParts[]): VerifiedParts[] {
  return read.flatMap(one => {
    const { depth, ...rest } = one;
    if (depth === damagedDepth) return [];
    const later = read.filter(
      note => note.depth === damagedDepth && note.backup === one.backup && note.verifiedAt > one.verifiedAt,
    );
    const parts = later.flatMap(note => note.parts).reduce(without, one.parts);
    return parts.length === 0 ? [] : [{ ...rest, depth, parts }];
  });
}

function without(parts: readonly NumberRange[], [first, last]: NumberRange): NumberRange[] {
  return parts.flatMap(([from, to]): NumberRange[] => {
    if (to < first || from > last) return [[from, to]];
    return [
      ...(from < first ? [[from, first - 1] as const] : []),
      ...(to > last ? [[last + 1, to] as const] : []),
    ];
  });
}

/** True if `depth` proves at least as much as `wanted`. */
export function isAsDeep(depth: ReadDepth, wanted: ReadDepth): boolean {
  return depth === 'decoded' || wanted === 'stored';
}

function noteDepthOf(text: string): ReadRange['depth'] | undefined {
  return text === damagedDepth ? text : depthOf(text);
}

function depthOf(text: string): ReadDepth | undefined {
  return text === 'stored' || text === 'decoded' ? text : undefined;
}

/** Texts of pairs, separated by spaces, each with no more pairs than fit in a note. */
function listsOf(pairs: readonly string[]): string[] {
  return Array.from({ length: Math.ceil(pairs.length / mostRanges) }, (_, index) =>
    pairs.slice(index * mostRanges, (index + 1) * mostRanges).join(' '),
  );
}

function pairsIn(list: string): (readonly [string, string])[] {
  return list.split(' ').flatMap(pair => {
    const [, first, last] = /^([0-9A-F]+)-([0-9A-F]+)$/.exec(pair) ?? [];
    return first === undefined || last === undefined ? [] : [[first, last] as const];
  });
}
