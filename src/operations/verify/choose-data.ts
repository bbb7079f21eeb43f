/**
 * The choice of the data to read: what was not read for long enough, the longest first. Pure.
 *
 * With a share of all data for each run, successive runs cover everything. What was read is remembered in notes; where none
 * can be written, the day decides where a run begins.
 */
import { count, cut, covers, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupPart, BackupRecord } from '../../repository/format/backup-record.ts';
import {
  besideParts,
  isAsDeep,
  type NumberRange,
  type ReadDepth,
  type VerifiedParts,
  type VerifiedRange,
} from '../../repository/format/notes/verified.ts';

export interface DataChoice {
  /** Data that was read since then, as deep as this run reads, is left out. */
  readonly since: Date;
  readonly depth: ReadDepth;
  /** Percent of all segments, and of all bytes of parts; undefined: everything that is due. */
  readonly percent: number | undefined;
  readonly now: Date;
}

/** @returns ranges that do not overlap, those to read first in front */
export function chooseSegments(
  runs: readonly SegmentRange[],
  verified: readonly VerifiedRange[],
  choice: DataChoice,
): SegmentRange[] {
  const deep = verified.filter(({ depth }) => isAsDeep(depth, choice.depth));
  const pieces = runs.flatMap(run =>
    cut({ timeline: run.timeline, first: run.first, last: run.last }, deep).map(range => ({
      range,
      readAt: newest(deep.filter(one => covers(one, range))),
    })),
  );
  const due = pieces.filter(({ readAt }) => readAt < choice.since.getTime());
  const ordered = due.toSorted((a, b) => a.readAt - b.readAt).map(({ range }) => range);
  if (choice.percent === undefined) return ordered;
  const budget = shareOf(count(...runs), choice.percent);
  return take(
    verified.length === 0 ? rotate(ordered, offsetOf(choice, count(...ordered), budget)) : ordered,
    budget,
  );
}

/** So many segments of a range, and so many ranges, are read: whoever may add objects can add very many. */
const mostOfRange = 16;
const mostRanges = 64;

/**
 * The unproven segments that may be damaged ones of ours: those beside proven ones first, then those of timelines without any. In a
 * directory the metadata goes by the digest of what was stored: bytes that change take the signature with them, and at the
 * end of a run such a segment looks as if a stranger had put it there.
 */
export function chooseUnproven(
  foreign: readonly SegmentRange[],
  runs: readonly SegmentRange[],
): SegmentRange[] {
  const isBehind = ({ timeline, first }: SegmentRange) =>
    runs.some(run => run.timeline === timeline && run.last + 1n === first);
  const isBefore = ({ timeline, last }: SegmentRange) =>
    runs.some(run => run.timeline === timeline && run.first - 1n === last);
  const isAlone = ({ timeline }: SegmentRange) => runs.every(run => run.timeline !== timeline);
  const front = (range: SegmentRange) => take([range], mostOfRange);
  const back = (range: SegmentRange) => ({
    ...range,
    first: range.last - BigInt(Math.min(mostOfRange, count(range)) - 1),
  });
  return [
    ...foreign.filter(isBehind).flatMap(front),
    ...foreign.filter(isBefore).map(back),
    ...foreign.filter(isAlone).flatMap(front),
  ].slice(0, mostRanges);
}

/** Parts of one backup, by their numbers: as objects, those of all backups would take much memory. */
export interface ChosenParts {
  readonly record: BackupRecord;
  readonly ranges: readonly NumberRange[];
  /** The number of parts. */
  readonly count: number;
}

/** @returns the backups with their parts to read, those to read first in front */
export function chooseParts(
  records: readonly BackupRecord[],
  verified: readonly VerifiedParts[],
  choice: DataChoice,
): ChosenParts[] {
  const deep = Map.groupBy(
    verified.filter(({ depth }) => isAsDeep(depth, choice.depth)),
    ({ backup }) => backup,
  );
  const pieces = records.flatMap(record => piecesOf(record, deep.get(record.id) ?? []));
  const due = pieces
    .filter(({ readAt }) => readAt < choice.since.getTime())
    .toSorted((a, b) => a.readAt - b.readAt);
  const total = pieces.reduce((sum, piece) => sum + costOf(piece), 0);
  let left = choice.percent === undefined ? total : shareOf(total, choice.percent);
  const chosen: PartPiece[] = [];
  for (const piece of due) {
    if (left <= 0) break;
    const one = costOf(piece) <= left ? piece : firstOf(piece, left);
    chosen.push(one);
    left -= costOf(one);
  }
  return [...Map.groupBy(chosen, ({ record }) => record)].map(([record, some]) => ({
    record,
    ranges: some.map(({ first, last }) => [first, last]),
    count: some.reduce((sum, { count: parts }) => sum + parts, 0),
  }));
}

/** The chosen parts, one by one. */
export function* partsOf({ record, ranges }: ChosenParts): Generator<BackupPart> {
  for (const part of record.parts) if (ranges.some(range => holds(range, part.number))) yield part;
}

/** Alone, what is beside the parts counts as one of them; it is small. */
function costOf({ count: parts }: PartPiece): number {
  return Math.max(parts, 1);
}

/** True if what is beside the parts is to be read, too. */
export function isBesideChosen({ ranges }: ChosenParts): boolean {
  return ranges.some(range => holds(range, besideParts));
}

function* numbersOf({ parts }: BackupRecord): Generator<number> {
  yield besideParts;
  for (const { number } of parts) yield number;
}

/** Consecutive parts of a backup that were read at the same time. */
interface PartPiece {
  readonly record: BackupRecord;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly readAt: number;
}

function piecesOf(record: BackupRecord, notes: readonly VerifiedParts[]): PartPiece[] {
  const pieces: PartPiece[] = [];
  for (const number of numbersOf(record)) {
    const readAt = newest(notes.filter(({ parts }) => parts.some(range => holds(range, number))));
    const before = pieces.at(-1);
    const count = number === besideParts ? 0 : 1;
    if (before?.readAt === readAt)
      pieces[pieces.length - 1] = { ...before, last: number, count: before.count + count };
    else pieces.push({ record, first: number, last: number, count, readAt });
  }
  return pieces;
}

function firstOf(piece: PartPiece, most: number): PartPiece {
  let { first: last } = piece;
  let taken = 0;
  for (const { number } of piece.record.parts) {
    if (number < piece.first) continue;
    if (taken === most) break;
    last = number;
    taken++;
  }
  return { ...piece, last, count: taken };
}

/** The parts of a backup with these numbers, and what is beside them, as ranges. */
export function rangesOfParts(record: BackupRecord, sound: ReadonlySet<number>): NumberRange[] {
  const ranges: [number, number][] = [];
  let isOpen = false;
  for (const number of numbersOf(record)) {
    const last = ranges.at(-1);
    if (sound.has(number) && isOpen && last !== undefined) last[1] = number;
    else if (sound.has(number)) ranges.push([number, number]);
    isOpen = sound.has(number);
  }
  return ranges;
}

function newest(notes: readonly { readonly verifiedAt: Date }[]): number {
  return notes.reduce((latest, { verifiedAt }) => Math.max(latest, verifiedAt.getTime()), 0);
}

function holds([first, last]: NumberRange, number: number): boolean {
  return first <= number && number <= last;
}

function shareOf(total: number, percent: number): number {
  return Math.ceil((total * percent) / 100);
}

const dayMs = 24 * 3_600_000;

function offsetOf({ now }: DataChoice, total: number, budget: number): number {
  return total === 0 ? 0 : (Math.floor(now.getTime() / dayMs) * budget) % total;
}

/** The same segments, those from the `offset`th on in front. */
function rotate(ranges: readonly SegmentRange[], offset: number): SegmentRange[] {
  const front = take(ranges, offset);
  const back = ranges.flatMap(range => {
    const taken = front.find(one => one.timeline === range.timeline && one.first === range.first);
    if (taken === undefined) return [range];
    return taken.last < range.last ? [{ ...range, first: taken.last + 1n }] : [];
  });
  return [...back, ...front];
}

function take(ranges: readonly SegmentRange[], budget: number): SegmentRange[] {
  const taken: SegmentRange[] = [];
  let left = budget;
  for (const range of ranges) {
    if (left <= 0) break;
    const size = Math.min(left, count(range));
    taken.push({ ...range, last: range.first + BigInt(size) - 1n });
    left -= size;
  }
  return taken;
}
