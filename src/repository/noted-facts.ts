/**
 * The facts that the notes of one PostgreSQL system tell, as far as they are believed.
 *
 * A note that is not believed decides nothing: it is passed over.
 */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import type { SegmentPosition, SegmentRange } from '../postgres/wal/segment-range.ts';
import { pagesOf } from '../stores/pages.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import { mapEach } from '../base/threads/each.ts';
import {
  describeVerdict,
  isBelieved,
  needsSignature,
  type SignaturePolicy,
} from './encoding/signature-policy.ts';
import { isBackupId } from './format/backup-record.ts';
import { notesPrefix, type SystemPath } from './format/layout.ts';
import { anomalyKind, parseAnomalies, type Anomaly } from './format/notes/anomaly.ts';
import { expiringKind } from './format/notes/expiring.ts';
import {
  acknowledgedGapKind,
  parseAcknowledgedGap,
  type AcknowledgedGap,
} from './format/notes/gap-acknowledged.ts';
import {
  highWaterKind,
  outdatedHighWater,
  parseHighWater,
  type HighWater,
} from './format/notes/high-water.ts';
import { lostWalKind, parseLostWal, type LostWal } from './format/notes/lost-wal.ts';
import {
  noteEntriesIn,
  noteEntriesOf,
  noteTimeName,
  readNote,
  type Note,
  type NoteEntry,
  type NoteKind,
} from './format/notes/note.ts';
import { pinKind, pinsOf, unpinKind, type Pin } from './format/notes/pin.ts';
import { parseRemovedWal, removedWalKind } from './format/notes/removed-wal.ts';
import { parseRestorePoint, restorePointKind, type NotedRestorePoint } from './format/notes/restore-point.ts';
import { parseRestored, restoredKind } from './format/notes/restored.ts';
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
import { PassedOverObjects } from './passed-over.ts';
import type { Repository } from './repository.ts';
import { longestHoldMs, restoresInProgress, type RestoreInProgress } from './restores-in-progress.ts';

/** Anybody may have planted thousands, and each with a signature costs two requests. */
const notesAtOnce = 16;
/** A year of nights with damage: nobody looks for an older sound one. */
const mostRunsRead = 366;

interface PositionedNote {
  readonly entry: NoteEntry;
  readonly position: HighWater;
}

function positionedNotes(entries: readonly NoteEntry[], geometry: WalGeometry): PositionedNote[] {
  return entries.flatMap(entry => {
    const position = parseHighWater(entry, geometry);
    return position === undefined ? [] : [{ entry, position }];
  });
}

/** Each note is read once. Every method throws StoreError. */
export class NotedFacts {
  readonly repository: Repository;
  readonly system: SystemPath;
  protected readonly signal: AbortSignal;
  readonly #parts = new Map<string, Promise<unknown>>();
  /** What was read so far and decides nothing. */
  readonly passedOver = new PassedOverObjects();

  constructor(repository: Repository, system: SystemPath, signal: AbortSignal) {
    this.repository = repository;
    this.system = system;
    this.signal = signal;
  }

  /** All noted losses, including WAL that was archived later. */
  async lostWal(geometry: WalGeometry): Promise<LostWal[]> {
    return (await this.#notes([lostWalKind])).flatMap(note => parseLostWal(note, geometry) ?? []);
  }

  /** The ranges that cleanup removed. */
  async removedWal(geometry: WalGeometry): Promise<SegmentRange[]> {
    return (await this.#notes([removedWalKind])).flatMap(note => parseRemovedWal(note, geometry) ?? []);
  }

  /**
   * The newest segment of each timeline that a believed note says was archived. Its key tells the position: where no
   * signature is required, no note is read for it.
   */
  highWater(geometry: WalGeometry): Promise<HighWater[]> {
    return this.once(`high water ${geometry.segmentSizeBytes}`, () => this.#highestNotes(geometry));
  }

  /**
   * A believed note that the segment, or a later one of its timeline, was archived; undefined if there is none among the
   * first that the listing has. For readers that ask again and again: a request, and two for each note that is there.
   */
  async highWaterFrom(position: SegmentPosition, geometry: WalGeometry): Promise<HighWater | undefined> {
    const prefix = notesPrefix(this.system, highWaterKind);
    // Above each note is its name, of which this is the beginning.
    const startAfter = prefix + geometry.nameOf(position.timeline, position.segment);
    for await (const page of pagesOf(this.repository.store, { prefix, startAfter, signal: this.signal })) {
      const found = positionedNotes(noteEntriesOf(page), geometry)
        .filter(note => note.position.timeline === position.timeline)
        .slice(-notesAtOnce);
      return (await this.#highestBelieved(found))?.position;
    }
    return undefined;
  }

  /** The notes on archived segments that newer believed ones make superfluous. */
  async outdatedHighWater(geometry: WalGeometry): Promise<HighWater[]> {
    const entries = await this.#noteEntries(highWaterKind);
    const all = entries.flatMap(entry => parseHighWater(entry, geometry) ?? []);
    return outdatedHighWater(all, await this.highWater(geometry));
  }

  /** The gaps that people accepted, by notes that the removal policy believes. */
  async acknowledgedGaps(geometry: WalGeometry): Promise<AcknowledgedGap[]> {
    const notes = await this.#notes([acknowledgedGapKind], this.#removalPolicy);
    return notes.flatMap(note => parseAcknowledgedGap(note, geometry) ?? []);
  }

  /** The pins that count, by the ids of backups. */
  async pins(now = new Date()): Promise<ReadonlyMap<string, readonly Pin[]>> {
    // A pin only protects, so anybody's counts.
    const notes = await this.#notes([pinKind, unpinKind], 'off');
    return pinsOf(notes, { isBelieved: ({ verdict }) => isBelieved(verdict, this.#removalPolicy), now });
  }

  /** Ids of backups that stay whatever the policy says. */
  async pinned(now = new Date()): Promise<ReadonlySet<string>> {
    return new Set((await this.pins(now)).keys());
  }

  /** The restore points that `walvault restore-point` made, in the order of the notes. Only WAL proves them. */
  async restorePoints(): Promise<NotedRestorePoint[]> {
    return (await this.#notes([restorePointKind])).flatMap(note => parseRestorePoint(note) ?? []);
  }

  /** Ids of backups whose removal an earlier cleanup announced. */
  async expiring(): Promise<ReadonlySet<string>> {
    const notes = await this.#notes([expiringKind], this.#removalPolicy);
    return new Set(notes.map(({ subject }) => subject));
  }

  /** What falls out of the history of its cluster, for each backup that has such a note. */
  async anomalies(): Promise<ReadonlyMap<string, readonly Anomaly[]>> {
    const notes = await this.#notes([anomalyKind]);
    return new Map(notes.map(note => [note.subject, parseAnomalies(note)]));
  }

  /** The last run of `verify` over this system, and the last one that found no damage. */
  lastVerifications(): Promise<{ readonly last?: VerifiedRun; readonly lastSound?: VerifiedRun }> {
    return this.once('last verifications', async () => {
      const runs = (await this.#noteEntries(verifiedKind)).filter(({ subject }) => subject === runSubject);
      let last: VerifiedRun | undefined;
      // The newest are read first, and usually the first one tells both.
      for (const entry of runs.toReversed().slice(0, mostRunsRead)) {
        const note = await this.#believedNote(entry, this.#removalPolicy);
        const run = note && parseVerifiedRun(note);
        if (run === undefined) continue;
        last ??= run;
        if (run.damaged === 0) return { last, lastSound: run };
      }
      return last === undefined ? {} : { last };
    });
  }

  /** The segments that were read and found sound since then; one may be in several ranges. */
  async verifiedWal(geometry: WalGeometry, since = new Date(0)): Promise<VerifiedRange[]> {
    const notes = await this.#verifiedSince(since, subject => !isBackupId(subject));
    return soundRanges(notes.flatMap(note => parseVerifiedRanges(note, geometry)));
  }

  /** The parts of backups that were read and found sound since then. */
  async verifiedParts(since = new Date(0)): Promise<VerifiedParts[]> {
    const notes = await this.#verifiedSince(since, isBackupId);
    return soundParts(notes.flatMap(note => parseVerifiedParts(note) ?? []));
  }

  /** The key of such a note tells its time, so that older ones are not read. */
  async #verifiedSince(since: Date, isAbout: (subject: string) => boolean): Promise<Note[]> {
    const from = noteTimeName(since);
    const entries = (await this.#noteEntries(verifiedKind)).filter(
      ({ subject, name }) => subject !== runSubject && isAbout(subject) && name >= from,
    );
    return await this.#read(entries, this.#removalPolicy);
  }

  /** The restores that hold a backup and its WAL now. Notes too old to hold anything are not read. */
  async restoresInProgress(now: Date): Promise<RestoreInProgress[]> {
    const oldestMs = now.getTime() - longestHoldMs;
    const entries = (await this.#noteEntries(restoredKind)).filter(
      ({ modified }) => modified.getTime() > oldestMs,
    );
    // A claim only protects, and what is not believed protects for a limited time.
    const notes = await this.#read(entries, 'off');
    return restoresInProgress(
      notes.flatMap(note => {
        const claim = parseRestored(note);
        return claim === undefined
          ? []
          : [{ note: claim, isProven: isBelieved(note.verdict, this.#removalPolicy) }];
      }),
      now,
    );
  }

  /** The keys of the notes that announce removals, of backups and of WAL. They are not read. */
  async announcedRemovals(): Promise<string[]> {
    return (await this.#noteEntries(expiringKind, removedWalKind)).map(({ key }) => key);
  }

  /** The keys of the notes of restores that are too old to hold anything. */
  async outdatedRestores(now: Date): Promise<string[]> {
    const oldestMs = now.getTime() - longestHoldMs;
    const entries = await this.#noteEntries(restoredKind);
    return entries.filter(({ modified }) => modified.getTime() <= oldestMs).map(({ key }) => key);
  }

  protected get policy(): SignaturePolicy {
    return this.repository.codec.policy;
  }

  get #removalPolicy(): SignaturePolicy {
    return this.repository.codec.removalPolicy;
  }

  /**
   * The notes of these kinds that the policy believes, by subject, then in the order in which they were written. The key
   * of a note tells its kind, so notes of other kinds are not read.
   */
  async #notes(kinds: readonly NoteKind[], policy = this.policy): Promise<Note[]> {
    return await this.#read(await this.#noteEntries(...kinds), policy);
  }

  async #read(entries: readonly NoteEntry[], policy: SignaturePolicy): Promise<Note[]> {
    const notes = await mapEach(entries, notesAtOnce, entry => this.#believedNote(entry, policy));
    this.passedOver.tell(this.repository);
    return notes.filter(note => note !== undefined);
  }

  /** Undefined for a note that counts for nothing. */
  async #believedNote(entry: NoteEntry, policy: SignaturePolicy): Promise<Note | undefined> {
    const passOver = (problem: string) => {
      this.passedOver.add('notes', entry.key, problem);
      return undefined;
    };
    if (!entry.hasSignature && needsSignature(policy))
      return passOver(describeVerdict({ status: 'unsigned' }));
    const read = await this.once(entry.key, () => this.#readNote(entry));
    if (read === undefined) return undefined;
    if ('problem' in read) return passOver(read.problem);
    return isBelieved(read.verdict, policy) ? read : passOver(describeVerdict(read.verdict));
  }

  async #readNote(entry: NoteEntry): Promise<Note | { readonly problem: string } | undefined> {
    try {
      return await readNote(this.repository, entry, this.signal);
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
      return { problem: `cannot be read: ${error.message}` };
    }
  }

  /** The believed high-water notes that were read: the highest of each timeline. */
  async #highestNotes(geometry: WalGeometry): Promise<HighWater[]> {
    const byTimeline = new Map<number, PositionedNote[]>();
    for (const note of positionedNotes(await this.#noteEntries(highWaterKind), geometry)) {
      const { timeline } = note.position;
      const notes = byTimeline.get(timeline) ?? [];
      byTimeline.set(timeline, notes);
      notes.push(note);
    }
    const highest: HighWater[] = [];
    for (const notes of byTimeline.values()) {
      const found = await this.#highestBelieved(notes);
      if (found !== undefined) highest.push(found.position);
    }
    return highest;
  }

  async #highestBelieved(notes: readonly PositionedNote[]): Promise<PositionedNote | undefined> {
    const sorted = notes.toSorted((a, b) => (a.position.segment > b.position.segment ? -1 : 1));
    return needsSignature(this.policy) ? await this.#firstBelieved(sorted) : sorted[0];
  }

  async #firstBelieved<T extends { readonly entry: NoteEntry }>(notes: readonly T[]): Promise<T | undefined> {
    for (let from = 0; from < notes.length; from += notesAtOnce) {
      const some = notes.slice(from, from + notesAtOnce);
      const believed = await mapEach(some, notesAtOnce, ({ entry }) =>
        this.#believedNote(entry, this.policy),
      );
      const first = believed.findIndex(note => note !== undefined);
      if (first >= 0) return some[first];
    }
    return undefined;
  }

  async #noteEntries(...kinds: readonly NoteKind[]): Promise<NoteEntry[]> {
    const entries = await this.once('catalog/notes', () => {
      const prefix = notesPrefix(this.system);
      return noteEntriesIn(this.repository.store.list({ prefix, signal: this.signal }));
    });
    return entries.filter(({ kind }) => kinds.some(wanted => wanted === kind));
  }

  protected once<T>(part: string, read: () => Promise<T>): Promise<T> {
    const known = this.#parts.get(part) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const reading = read();
    this.#parts.set(part, reading);
    return reading;
  }
}
