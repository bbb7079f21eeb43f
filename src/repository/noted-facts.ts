/**
 * The facts that the notes of one PostgreSQL system tell, as far as they are believed.
 *
 * A note that is not believed decides nothing: it is passed over.
 */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import type { SegmentPosition, SegmentRange } from '../postgres/wal/segment-range.ts';
import { isBelieved, type SignaturePolicy } from './encoding/signature-policy.ts';
import type { SystemPath } from './format/layout.ts';
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
import { pinKind, pinsOf, unpinKind, type Pin } from './format/notes/pin.ts';
import { parseRemovedWal, removedWalKind } from './format/notes/removed-wal.ts';
import { parseRestorePoint, restorePointKind, type NotedRestorePoint } from './format/notes/restore-point.ts';
import { parseRestored, restoredKind } from './format/notes/restored.ts';
import type { VerifiedParts, VerifiedRange } from './format/notes/verified.ts';
import { NoteReader } from './note-reader.ts';
import { highestNoted, notedFrom } from './noted-high-water.ts';
import {
  lastVerifications,
  outdatedVerifications,
  verifiedParts,
  verifiedWal,
  type LastVerifications,
  type NotedData,
} from './noted-verifications.ts';
import { PassedOverObjects } from './passed-over.ts';
import type { Repository } from './repository.ts';
import { longestHoldMs, restoresInProgress, type RestoreInProgress } from './restores-in-progress.ts';

/** Each note is read once. Every method throws StoreError. */
export class NotedFacts {
  readonly repository: Repository;
  readonly system: SystemPath;
  protected readonly signal: AbortSignal;
  readonly #notes: NoteReader;
  readonly #parts = new Map<string, Promise<unknown>>();
  /** What was read so far and decides nothing. */
  readonly passedOver = new PassedOverObjects();

  constructor(repository: Repository, system: SystemPath, signal: AbortSignal) {
    this.repository = repository;
    this.system = system;
    this.signal = signal;
    this.#notes = new NoteReader(repository, system, { passedOver: this.passedOver, signal });
  }

  /** All noted losses, including WAL that was archived later. */
  async lostWal(geometry: WalGeometry): Promise<LostWal[]> {
    return (await this.#notes.notes([lostWalKind])).flatMap(note => parseLostWal(note, geometry) ?? []);
  }

  /** The ranges that cleanup removed. */
  async removedWal(geometry: WalGeometry): Promise<SegmentRange[]> {
    return (await this.#notes.notes([removedWalKind])).flatMap(note => parseRemovedWal(note, geometry) ?? []);
  }

  /**
   * The newest segment of each timeline that a believed note says was archived. Its key tells the position: where no
   * signature is required, no note is read for it.
   */
  highWater(geometry: WalGeometry): Promise<HighWater[]> {
    return this.once(`high water ${geometry.segmentSizeBytes}`, () => highestNoted(this.#notes, geometry));
  }

  /**
   * A believed note that the segment, or a later one of its timeline, was archived; undefined if there is none among the
   * first that the listing has. For readers that ask again and again: a request, and two for each note that is there.
   */
  highWaterFrom(position: SegmentPosition, geometry: WalGeometry): Promise<HighWater | undefined> {
    return notedFrom(this.#notes, position, geometry);
  }

  /** The notes on archived segments that newer believed ones make superfluous. */
  async outdatedHighWater(geometry: WalGeometry): Promise<HighWater[]> {
    const entries = await this.#notes.entries(highWaterKind);
    const all = entries.flatMap(entry => parseHighWater(entry, geometry) ?? []);
    return outdatedHighWater(all, await this.highWater(geometry));
  }

  /** The gaps that people accepted, by notes that the removal policy believes. */
  async acknowledgedGaps(geometry: WalGeometry): Promise<AcknowledgedGap[]> {
    const notes = await this.#notes.notes([acknowledgedGapKind], this.#notes.removalPolicy);
    return notes.flatMap(note => parseAcknowledgedGap(note, geometry) ?? []);
  }

  /** The pins that count, by the ids of backups. */
  async pins(now = new Date()): Promise<ReadonlyMap<string, readonly Pin[]>> {
    // A pin only protects, so anybody's counts.
    const notes = await this.#notes.notes([pinKind, unpinKind], 'off');
    return pinsOf(notes, {
      isBelieved: ({ verdict }) => isBelieved(verdict, this.#notes.removalPolicy),
      now,
    });
  }

  /** Ids of backups that stay whatever the policy says. */
  async pinned(now = new Date()): Promise<ReadonlySet<string>> {
    return new Set((await this.pins(now)).keys());
  }

  /** The restore points that `walvault restore-point` made, in the order of the notes. Only WAL proves them. */
  async restorePoints(): Promise<NotedRestorePoint[]> {
    return (await this.#notes.notes([restorePointKind])).flatMap(note => parseRestorePoint(note) ?? []);
  }

  /** Ids of backups whose removal an earlier cleanup announced. */
  async expiring(): Promise<ReadonlySet<string>> {
    const notes = await this.#notes.notes([expiringKind], this.#notes.removalPolicy);
    return new Set(notes.map(({ subject }) => subject));
  }

  /** What falls out of the history of its cluster, for each backup that has such a note. */
  async anomalies(): Promise<ReadonlyMap<string, readonly Anomaly[]>> {
    const notes = await this.#notes.notes([anomalyKind]);
    return new Map(notes.map(note => [note.subject, parseAnomalies(note)]));
  }

  /** The last run of `verify` over this system, and the last one that found no damage. */
  lastVerifications(): Promise<LastVerifications> {
    return this.once('last verifications', () => lastVerifications(this.#notes));
  }

  /** The segments that were read and found sound since then; one may be in several ranges. */
  verifiedWal(geometry: WalGeometry, since = new Date(0)): Promise<VerifiedRange[]> {
    return verifiedWal(this.#notes, geometry, since);
  }

  /** The parts of backups that were read and found sound since then. */
  verifiedParts(since = new Date(0)): Promise<VerifiedParts[]> {
    return verifiedParts(this.#notes, since);
  }

  /** The keys of the notes of `verify` that say nothing more. */
  outdatedVerifications(data: NotedData): Promise<string[]> {
    return outdatedVerifications(this.#notes, data);
  }

  /** The restores that hold a backup and its WAL now. Notes too old to hold anything are not read. */
  async restoresInProgress(now: Date): Promise<RestoreInProgress[]> {
    const oldestMs = now.getTime() - longestHoldMs;
    const entries = (await this.#notes.entries(restoredKind)).filter(
      ({ modified }) => modified.getTime() > oldestMs,
    );
    // A claim only protects, and what is not believed protects for a limited time.
    const notes = await this.#notes.read(entries, 'off');
    return restoresInProgress(
      notes.flatMap(note => {
        const claim = parseRestored(note);
        return claim === undefined
          ? []
          : [{ note: claim, isProven: isBelieved(note.verdict, this.#notes.removalPolicy) }];
      }),
      now,
    );
  }

  /** The keys of the notes that announce removals, of backups and of WAL. They are not read. */
  async announcedRemovals(): Promise<string[]> {
    return (await this.#notes.entries(expiringKind, removedWalKind)).map(({ key }) => key);
  }

  /** The keys of the notes of restores that are too old to hold anything. */
  async outdatedRestores(now: Date): Promise<string[]> {
    const oldestMs = now.getTime() - longestHoldMs;
    const entries = await this.#notes.entries(restoredKind);
    return entries.filter(({ modified }) => modified.getTime() <= oldestMs).map(({ key }) => key);
  }

  protected get policy(): SignaturePolicy {
    return this.repository.codec.policy;
  }

  protected once<T>(part: string, read: () => Promise<T>): Promise<T> {
    const known = this.#parts.get(part) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const reading = read();
    this.#parts.set(part, reading);
    return reading;
  }
}
