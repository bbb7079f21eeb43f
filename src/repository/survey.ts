/**
 * The survey of one PostgreSQL system in one repository: listings and small records, read without a private key.
 *
 * Each part is read once, when it is first needed. A survey is therefore as old as its oldest part; make a new survey
 * for each question that needs the present state.
 */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import type { SegmentRange } from '../postgres/wal/segment-range.ts';
import { isBelieved } from './encoding/signature-policy.ts';
import { readCatalog, type Catalog } from './format/catalog.ts';
import { readParentClaim, type ParentClaim } from './format/claim.ts';
import { listSystemIds, readClusterRecord, type StoredClusterRecord } from './format/cluster-record.ts';
import { notesPrefix, type SystemPath } from './format/layout.ts';
import { expiringKind } from './format/notes/expiring.ts';
import {
  acknowledgedGapKind,
  parseAcknowledgedGap,
  type AcknowledgedGap,
} from './format/notes/gap-acknowledged.ts';
import { highWaterKind, parseHighWater, type HighWater } from './format/notes/high-water.ts';
import { lostWalKind, parseLostWal, type LostWal } from './format/notes/lost-wal.ts';
import { noteEntryOf, readNote, type Note, type NoteEntry, type NoteKind } from './format/notes/note.ts';
import { pinKind, pinnedBackups, unpinKind } from './format/notes/pin.ts';
import { parseRemovedWal, removedWalKind } from './format/notes/removed-wal.ts';
import type { Repository } from './repository.ts';
import { listBackupDirectories, type BackupDirectory } from './stored-backups.ts';
import { hasUsablePositions } from './trust.ts';
import { findGaps, type Gap } from './wal/gaps.ts';
import { knownFromBackups, knownFromHighWater, knownFromHistories, type KnownWal } from './wal/known-wal.ts';
import { listWal, type ArchivedWal } from './wal/listing.ts';
import { describeLoss, stillMissing } from './wal/lost-wal.ts';
import { historiesFromTree, readTimelines, type ArchivedTimelines } from './wal/timelines.ts';

export function surveySystem(repository: Repository, system: SystemPath, signal: AbortSignal): SystemSurvey {
  return new SystemSurvey(repository, system, signal);
}

/** A survey of each system that the cluster has had here. @throws StoreError */
export async function surveySystems(
  repository: Repository,
  cluster: string,
  signal: AbortSignal,
): Promise<SystemSurvey[]> {
  const ids = await listSystemIds(repository.store, cluster, signal);
  return ids.map(systemId => surveySystem(repository, { cluster, systemId }, signal));
}

/**
 * Every method throws StoreError, and WalvaultError `damaged` for an unreadable object, unless its docstring says
 * otherwise.
 */
export class SystemSurvey {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly #signal: AbortSignal;
  readonly #parts = new Map<string, Promise<unknown>>();

  constructor(repository: Repository, system: SystemPath, signal: AbortSignal) {
    this.repository = repository;
    this.system = system;
    this.#signal = signal;
  }

  clusterRecord(): Promise<StoredClusterRecord | undefined> {
    return this.#once('cluster.json', () =>
      readClusterRecord(this.repository.store, this.system, this.#signal),
    );
  }

  /** The catalogue; it lists unreadable records too. */
  catalog(): Promise<Catalog> {
    return this.#once('catalog/backups', () => readCatalog(this.repository, this.system, this.#signal));
  }

  /** The directories of all backups, by id. */
  backupDirectories(): Promise<ReadonlyMap<string, BackupDirectory>> {
    return this.#once('backups', () => listBackupDirectories(this.repository, this.system, this.#signal));
  }

  /** The parent that the claim of backup `id` names; an unreadable claim gives `unknown`. */
  parentOf(id: string): Promise<ParentClaim> {
    return this.#once(`claim ${id}`, () =>
      readParentClaim(this.repository.store, this.system, id, this.#signal),
    );
  }

  timelines(): Promise<ArchivedTimelines> {
    return this.#once('timelines', () => readTimelines(this.repository, this.system, this.#signal));
  }

  wal(geometry: WalGeometry): Promise<ArchivedWal> {
    return this.#once(`wal ${geometry.segmentSizeBytes}`, () =>
      listWal(this.repository, this.system, geometry, this.#signal),
    );
  }

  /** All noted losses, including WAL that was archived later. */
  async lostWal(geometry: WalGeometry): Promise<LostWal[]> {
    return (await this.#notes(lostWalKind)).flatMap(note => parseLostWal(note, geometry) ?? []);
  }

  /** The losses that are still missing from the archive. */
  async missingWal(geometry: WalGeometry): Promise<LostWal[]> {
    const losses = await this.lostWal(geometry);
    return losses.length === 0 ? [] : stillMissing(losses, (await this.wal(geometry)).runs);
  }

  /** The ranges that cleanup removed. */
  async removedWal(geometry: WalGeometry): Promise<SegmentRange[]> {
    return (await this.#notes(removedWalKind)).flatMap(note => parseRemovedWal(note, geometry) ?? []);
  }

  /** The newest segments that notes say were archived, by timeline and position; no note is read for it. */
  async highWater(geometry: WalGeometry): Promise<HighWater[]> {
    const entries = await this.#noteEntries(highWaterKind);
    return entries.flatMap(entry => parseHighWater(entry, geometry) ?? []);
  }

  /** The gaps that people accepted, by notes that the removal policy believes. */
  async acknowledgedGaps(geometry: WalGeometry): Promise<AcknowledgedGap[]> {
    const notes = await this.#notes(acknowledgedGapKind);
    return notes.flatMap(note => (this.#mayRemove(note) ? (parseAcknowledgedGap(note, geometry) ?? []) : []));
  }

  /**
   * The WAL that surely was archived once, or given up, by notes and histories, and by the catalogue unless
   * `withoutCatalog`: that costs two requests for each backup.
   */
  async knownWal(geometry: WalGeometry, { withoutCatalog = false } = {}): Promise<KnownWal[]> {
    const { tree } = await this.timelines();
    const backups = withoutCatalog ? [] : (await this.catalog()).backups.filter(hasUsablePositions);
    const lost = (await this.lostWal(geometry)).map(one => ({
      ...one,
      sign: 'given-up' as const,
      shownBy: `later WAL was ${describeLoss(one)}`,
    }));
    const removed = (await this.removedWal(geometry)).map(one => ({
      ...one,
      sign: 'removed' as const,
      shownBy: 'cleanup removed later WAL',
    }));
    return [
      ...knownFromBackups(backups.map(({ record }) => record)),
      ...knownFromHighWater(await this.highWater(geometry), geometry),
      ...knownFromHistories(historiesFromTree(tree), geometry),
      ...lost,
      ...removed,
    ];
  }

  /** WAL that once existed, is not archived, and was not removed by cleanup. */
  async gaps(geometry: WalGeometry): Promise<Gap[]> {
    return findGaps({
      runs: (await this.wal(geometry)).runs,
      known: await this.knownWal(geometry),
      acknowledged: await this.acknowledgedGaps(geometry),
      tree: (await this.timelines()).tree,
      geometry,
    });
  }

  /** Ids of backups that stay whatever the policy says. */
  async pinned(): Promise<ReadonlySet<string>> {
    return pinnedBackups(await this.#notes(pinKind, unpinKind), note => this.#mayRemove(note));
  }

  /** Ids of backups whose removal an earlier cleanup announced. */
  async expiring(): Promise<ReadonlySet<string>> {
    const notes = await this.#notes(expiringKind);
    return new Set(notes.filter(note => this.#mayRemove(note)).map(({ subject }) => subject));
  }

  #mayRemove({ verdict }: Note): boolean {
    return isBelieved(verdict, this.repository.codec.removalPolicy);
  }

  /**
   * The notes of these kinds, by subject, then in the order in which they were written. The key of a note tells its
   * kind, so notes of other kinds are not read.
   */
  async #notes(...kinds: readonly NoteKind[]): Promise<Note[]> {
    const notes: Note[] = [];
    for (const entry of await this.#noteEntries(...kinds)) {
      const note = await this.#once(entry.key, () => readNote(this.repository, entry, this.#signal));
      if (note !== undefined) notes.push(note);
    }
    return notes;
  }

  async #noteEntries(...kinds: readonly NoteKind[]): Promise<NoteEntry[]> {
    const entries = await this.#once('catalog/notes', () => this.#listNotes());
    return entries.filter(({ kind }) => kinds.some(wanted => wanted === kind));
  }

  async #listNotes(): Promise<NoteEntry[]> {
    const entries: NoteEntry[] = [];
    const prefix = notesPrefix(this.system);
    for await (const entry of this.repository.store.list({ prefix, signal: this.#signal })) {
      const note = noteEntryOf(entry);
      if (note !== undefined) entries.push(note);
    }
    return entries;
  }

  #once<T>(part: string, read: () => Promise<T>): Promise<T> {
    const known = this.#parts.get(part) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const reading = read();
    this.#parts.set(part, reading);
    return reading;
  }
}
