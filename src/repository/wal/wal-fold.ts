/**
 * The fold of listed objects into runs: memory grows with the number of holes, not of segments (P9). An archive has
 * millions of segments, so nearly every key costs a comparison and eight digits.
 */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { join, union, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { ListEntry } from '../../stores/store.ts';
import { sumTiers, withTierOf, type TierCounts } from '../cold-objects.ts';
import { parseWalKey, walPrefix, type SystemPath } from '../format/layout.ts';
import type { ArchivedWal, WalRun, WalStretch } from './listing.ts';
import { sumOfDays, WalDayCounts } from './wal-days.ts';

type ListedObject = Extract<ListEntry, { readonly key: string }>;

/** A position, with the segment as a number: 44 bits at most, since an LSN has 64. */
interface Position {
  readonly timeline: number;
  readonly segment: number;
}

/** A run or stretch that may go on. */
interface OpenRange {
  readonly timeline: number;
  readonly first: number;
  last: number;
  lastModified: Date;
}

interface OpenRun extends OpenRange {
  storedBytes: number;
  cold: TierCounts | undefined;
}

/** Takes the entries of a listing of `wal/`, or of a part of it, in the order of their keys. */
export class WalFold {
  readonly #geometry: WalGeometry;
  readonly #prefix: string;
  readonly #segmentsPerLog: number;
  readonly #foreign: ForeignRanges;
  readonly #runs: WalRun[] = [];
  readonly #stretches: WalStretch[] = [];
  readonly #days = new WalDayCounts();
  #run: OpenRun | undefined;
  #stretch: OpenRange | undefined;
  /** What the keys of all segments of one log begin with; the digits of the segment follow. */
  #stem = '/';
  #timeline = 0;
  #firstOfLog = 0;

  constructor(system: SystemPath, geometry: WalGeometry, foreign: readonly SegmentRange[] = []) {
    this.#geometry = geometry;
    this.#prefix = walPrefix(system);
    this.#segmentsPerLog = 0x1_0000_0000 / geometry.segmentSizeBytes;
    this.#foreign = new ForeignRanges(foreign);
  }

  take(entries: Iterable<ListEntry>): void {
    for (const entry of entries) if ('key' in entry) this.#take(entry);
  }

  result(): ArchivedWal {
    this.#closeRun();
    this.#closeStretch();
    return { runs: this.#runs, stretches: this.#stretches, days: this.#days.days };
  }

  #take(entry: ListedObject): void {
    const ordinary = this.#segmentIn(entry.key);
    const position = ordinary ?? this.#otherPositionIn(entry.key);
    if (position === undefined) return;
    const isPlanted = this.#foreign.hold(position);
    this.#extendStretch(position, isPlanted ? new Date(0) : entry.modified);
    // An empty object is no archived segment, whatever its key.
    if (ordinary !== undefined && !isPlanted && entry.sizeBytes > 0) this.#extendRun(position, entry);
  }

  /** The position of a segment; undefined for every other key. */
  #segmentIn(key: string): Position | undefined {
    if (!key.startsWith(this.#stem)) {
      const [, stem, timeline = '', log = ''] = segmentKey.exec(key) ?? [];
      if (stem === undefined || key.length !== stem.length + 8 || !key.startsWith(this.#prefix))
        return undefined;
      this.#stem = stem;
      this.#timeline = Number.parseInt(timeline, 16);
      this.#firstOfLog = Number.parseInt(log, 16) * this.#segmentsPerLog;
    }
    const digits = this.#stem.length;
    if (key.length !== digits + 8) return undefined;
    const inLog = hexAt(key, digits);
    if (inLog < 0 || inLog >= this.#segmentsPerLog) return undefined;
    return { timeline: this.#timeline, segment: this.#firstOfLog + inLog };
  }

  /** The position of a partial, backup history file or kept conflict. */
  #otherPositionIn(key: string): Position | undefined {
    const file = parseWalKey(key)?.file;
    if (file === undefined || file.kind === 'history' || !this.#geometry.isPossible(file)) return undefined;
    return { timeline: file.timeline, segment: Number(this.#geometry.positionOf(file).segment) };
  }

  #extendStretch({ timeline, segment }: Position, modified: Date): void {
    const open = this.#stretch;
    if (open?.timeline === timeline && segment <= open.last + 1) {
      open.last = segment;
      if (modified > open.lastModified) open.lastModified = modified;
      return;
    }
    this.#closeStretch();
    this.#stretch = { timeline, first: segment, last: segment, lastModified: modified };
  }

  #extendRun({ timeline, segment }: Position, entry: ListedObject): void {
    const { sizeBytes, modified } = entry;
    this.#days.add(modified, sizeBytes);
    const open = this.#run;
    if (open?.timeline === timeline && segment === open.last + 1) {
      open.last = segment;
      open.lastModified = modified;
      open.storedBytes += sizeBytes;
      open.cold = withTierOf(open.cold, entry);
      return;
    }
    this.#closeRun();
    this.#run = {
      timeline,
      first: segment,
      last: segment,
      lastModified: modified,
      storedBytes: sizeBytes,
      cold: withTierOf(undefined, entry),
    };
  }

  #closeRun(): void {
    if (this.#run !== undefined) this.#runs.push(closed(this.#run));
    this.#run = undefined;
  }

  #closeStretch(): void {
    if (this.#stretch !== undefined) this.#stretches.push(closed(this.#stretch));
    this.#stretch = undefined;
  }
}

/** `wal/<timeline>/<log>/<timeline><log>`, and the digits of the segment. */
const segmentKey = /^(.*\/wal\/([0-9A-F]{8})\/([0-9A-F]{8})\/\2\3)[0-9A-F]{8}$/;

function closed<T extends OpenRange>(range: T): Omit<T, 'first' | 'last'> & SegmentRange {
  return { ...range, first: BigInt(range.first), last: BigInt(range.last) };
}

/** Eight upper-case hex digits from `at` on; -1 for anything else. */
function hexAt(text: string, at: number): number {
  let value = 0;
  for (let index = at; index < at + 8; index++) {
    const code = text.charCodeAt(index);
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 65 && code <= 70 ? code - 55 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** Ranges that are asked for positions in order. */
class ForeignRanges {
  readonly #left: readonly { readonly timeline: number; readonly first: number; readonly last: number }[];
  #next = 0;

  constructor(ranges: readonly SegmentRange[]) {
    this.#left = union(ranges).map(({ timeline, first, last }) => ({
      timeline,
      first: Number(first),
      last: Number(last),
    }));
  }

  hold({ timeline, segment }: Position): boolean {
    for (; this.#next < this.#left.length; this.#next++) {
      const range = this.#left[this.#next];
      if (range === undefined || range.timeline > timeline) return false;
      if (range.timeline === timeline && segment <= range.last) return segment >= range.first;
    }
    return false;
  }
}

/** What consecutive parts of one listing hold together. A run that a boundary cut is whole again. */
export function joinWal(parts: readonly ArchivedWal[]): ArchivedWal {
  const runs: WalRun[] = [];
  const stretches: WalStretch[] = [];
  for (const part of parts) {
    for (const run of part.runs)
      join(runs, run, before => ({
        ...run,
        storedBytes: before.storedBytes + run.storedBytes,
        cold: sumOfTiers(before.cold, run.cold),
      }));
    for (const stretch of part.stretches)
      join(stretches, stretch, before => (before.lastModified > stretch.lastModified ? before : stretch));
  }
  return { runs, stretches, days: sumOfDays(parts.map(({ days }) => days)) };
}

function sumOfTiers(a: TierCounts | undefined, b: TierCounts | undefined): TierCounts | undefined {
  return a === undefined || b === undefined ? (a ?? b) : sumTiers([a, b]);
}
