/** The reading of a system's data: histories, the chosen segments, and the chosen parts of backups. */
import { each } from '../../base/threads/each.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import type { Log } from '../../observe/events/events.ts';
import { historyFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import { count, oneSegment, union, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { historyKey } from '../../repository/format/layout.ts';
import {
  verifiedPartsNotes,
  verifiedWalNotes,
  type ReadDepth,
} from '../../repository/format/notes/verified.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import {
  chooseParts,
  chooseSegments,
  chooseUnproven,
  rangesOfParts,
  type ChosenParts,
  type DataChoice,
} from './choose-data.ts';
import { extraFinding, segmentFinding, type DataContext } from './data-findings.ts';
import type { DataReader } from './data-reader.ts';
import type { Finding } from './finding.ts';
import type { ArchiveState } from './gather.ts';
import { indexesIn } from './judge-backups.ts';
import { readBackup } from './read-backup.ts';
import type { SegmentsResult } from './read-segments.ts';
import { readWal } from './read-wal.ts';
import type { Memory } from './remember.ts';

export interface DataReading {
  readonly survey: SystemSurvey;
  readonly state: ArchiveState;
  readonly context: DataContext;
  /** Objects of `wal/` that are no segments. */
  readonly extras: readonly { readonly key: string; readonly file: WalFileName }[];
  readonly choice: DataChoice;
  readonly reader: DataReader;
  readonly memory: Memory;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface DataRead {
  readonly findings: readonly Finding[];
  /** Findings beyond the bound, which are not kept. */
  readonly omittedCount: number;
  /** The least depth of what was sound. */
  readonly depth: ReadDepth;
  readonly segmentCount: number;
  readonly partCount: number;
  readonly storedBytes: number;
  /** Objects that must be thawed before they can be read. */
  readonly coldCount: number;
}

/** With more, it is another archive that lies there. */
const mostFindings = 10_000;
/** So many segments are one task of a thread. */
const segmentsAtOnce = 8n;
/** What was read before that counts as never read. */
const remembersMs = 30 * 24 * 3_600_000;
/** A run that is ended loses no more than this. */
const noteEveryMs = 10 * 60_000;

/** @throws StoreError when the store fails: what was read so far is noted */
export async function readData(reading: DataReading): Promise<DataRead> {
  const { survey, state, context, choice } = reading;
  const run = new DataRun(reading);
  await readExtras(reading, run);
  // With --again everything is due; what was read longest ago still comes first.
  const known = new Date(Math.min(choice.since.getTime(), choice.now.getTime() - remembersMs));
  const segments = chooseSegments(state.runs, await survey.verifiedWal(context.geometry, known), choice);
  const backups = chooseParts(context.sound, await survey.verifiedParts(known), choice);
  run.expect(segments, backups);
  try {
    await readChosenSegments(reading, run, segments);
  } finally {
    await run.noteWal();
  }
  await readUnproven(reading, run);
  for (const chosen of backups) await readChosenBackup(reading, run, chosen);
  return run.result();
}

class DataRun {
  readonly #reading: DataReading;
  readonly #findings: Finding[] = [];
  #omittedCount = 0;
  #depth: ReadDepth;
  #sound: SegmentsResult['sound'][number][] = [];
  #faulty: SegmentRange[] = [];
  #notedAt = monotonicMs();
  #segmentCount = 0;
  #partCount = 0;
  #storedBytes = 0;
  #coldCount = 0;
  #expected = 0;

  constructor(reading: DataReading) {
    this.#reading = reading;
    this.#depth = reading.choice.depth;
  }

  expect(segments: readonly SegmentRange[], backups: readonly ChosenParts[]): void {
    this.#expected = count(...segments) + backups.reduce((sum, one) => sum + one.count, 0);
  }

  add(...findings: readonly Finding[]): void {
    for (const finding of findings)
      if (this.#findings.length < mostFindings) this.#findings.push(finding);
      else this.#omittedCount++;
  }

  addCold(objects: number): void {
    this.#coldCount += objects;
  }

  addSegments(range: SegmentRange, { sound, faulty, storedBytes }: SegmentsResult): void {
    this.#sound.push(...sound);
    this.#faulty.push(...faulty.map(oneSegment));
    this.#segmentCount += count(range);
    this.#storedBytes += storedBytes;
    for (const { depth } of sound) this.lower(depth);
    this.#tell();
  }

  addPart(storedBytes: number): void {
    this.#partCount++;
    this.#storedBytes += storedBytes;
    this.#tell();
  }

  lower(depth: ReadDepth): void {
    if (depth === 'stored') this.#depth = depth;
  }

  async noteNowAndThen(): Promise<void> {
    if (monotonicMs() - this.#notedAt >= noteEveryMs) await this.noteWal();
  }

  async noteWal(): Promise<void> {
    const [sound, faulty] = [this.#sound, this.#faulty];
    this.#sound = [];
    this.#faulty = [];
    this.#notedAt = monotonicMs();
    const { memory, context } = this.#reading;
    for (const depth of ['decoded', 'stored'] as const) {
      const ranges = union(sound.filter(one => one.depth === depth));
      await memory.write(verifiedWalNotes(ranges, context.geometry, depth));
    }
    // An earlier note may have called it sound.
    await memory.write(verifiedWalNotes(union(faulty), context.geometry, 'damaged'));
  }

  result(): DataRead {
    return {
      findings: this.#findings,
      omittedCount: this.#omittedCount,
      depth: this.#depth,
      segmentCount: this.#segmentCount,
      partCount: this.#partCount,
      storedBytes: this.#storedBytes,
      coldCount: this.#coldCount,
    };
  }

  #tell(): void {
    const doneObjects = this.#segmentCount + this.#partCount;
    this.#reading.log.emit({
      kind: 'progress',
      stage: 'verify',
      doneBytes: this.#storedBytes,
      doneObjects,
      totalObjects: Math.max(this.#expected, doneObjects),
    });
  }
}

/** Histories, partials and the like are few, and read each time. */
async function readExtras(
  { survey, state, context, extras, choice, signal }: DataReading,
  run: DataRun,
): Promise<void> {
  const { repository, system } = survey;
  const { geometry } = context;
  const histories = [...state.timelines.tree.keys()].map(timeline => ({
    key: historyKey(system, timeline),
    file: { kind: 'history', name: historyFileName(timeline), timeline } as const,
  }));
  for (const { key, file } of [...histories, ...extras]) {
    const found = await readWal(repository, { system, geometry, key, file, depth: choice.depth, signal });
    if (found.outcome === 'cold') run.addCold(1);
    if (found.outcome !== 'faulty') continue;
    const { kind, problem } = found;
    run.add(extraFinding({ key, file, kind, problem }, context));
  }
}

async function readChosenSegments(
  { survey, context, choice, reader, signal }: DataReading,
  run: DataRun,
  segments: readonly SegmentRange[],
): Promise<void> {
  const { repository, system } = survey;
  const { segmentSizeBytes } = context.geometry;
  await each(tasksOf(segments), reader.jobs, async range => {
    const task = { system, segmentSizeBytes, range, depth: choice.depth };
    const result = await reader.segments(repository, task, signal);
    run.addSegments(range, result);
    run.addCold(result.coldCount);
    run.add(...result.faulty.map(faulty => segmentFinding(faulty, context)));
    await run.noteNowAndThen();
  });
}

/** What decodes is a stranger's, of which the listing tells; what does not is taken for a damaged one of ours. */
async function readUnproven(
  { survey, state, context, choice, reader, signal }: DataReading,
  run: DataRun,
): Promise<void> {
  const { repository, system } = survey;
  const { segmentSizeBytes } = context.geometry;
  for (const range of chooseUnproven(state.foreign, state.runs)) {
    const task = { system, segmentSizeBytes, range, depth: choice.depth };
    const { faulty } = await reader.segments(repository, task, signal);
    const damaged = faulty.filter(({ kind }) => kind !== 'wal-not-believed');
    run.add(...damaged.map(one => segmentFinding(one, context)));
  }
}

function* tasksOf(ranges: readonly SegmentRange[]): Generator<SegmentRange> {
  for (const range of ranges)
    for (let { first } = range; first <= range.last; first += segmentsAtOnce) {
      const last = first + segmentsAtOnce - 1n;
      yield { ...range, first, last: last < range.last ? last : range.last };
    }
}

async function readChosenBackup(
  { survey, state, context, choice, reader, memory, signal }: DataReading,
  run: DataRun,
  chosen: ChosenParts,
): Promise<void> {
  const { repository } = survey;
  const onPart = (storedBytes: number) => run.addPart(storedBytes);
  const indexesOf = (id: string) =>
    indexesIn(state.directories.get(id)).flatMap(({ part, isPossible }) => (isPossible ? [part] : []));
  const reading = { repository, context, reader, depth: choice.depth, indexesOf, onPart, signal };
  const { findings, sound, faulty, depth, coldCount } = await readBackup(reading, chosen);
  run.add(...findings);
  run.addCold(coldCount);
  run.lower(depth);
  const { record } = chosen;
  // All of it is read again, until nothing is wrong with it as a whole.
  const isSpoilt = findings.some(({ kind }) => kind === 'pages-damaged' || kind === 'manifest-damaged');
  const damaged = isSpoilt ? new Set(Array.from(record.parts, ({ number }) => number)) : faulty;
  const notes = [
    { parts: rangesOfParts(record, damaged), depth: 'damaged' as const },
    { parts: isSpoilt ? [] : rangesOfParts(record, sound), depth },
  ];
  for (const one of notes) await memory.write(verifiedPartsNotes({ backup: record.id, ...one }));
}
