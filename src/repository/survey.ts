/**
 * The survey of one PostgreSQL system in one repository: listings and small records, read without a private key.
 *
 * Each part is read once, when it is first needed. A survey is therefore as old as its oldest part; make a new survey
 * for each question that needs the present state.
 */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import type { SegmentRange } from '../postgres/wal/segment-range.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import {
  describeVerdict,
  isBelieved,
  needsSignature,
  type SignaturePolicy,
} from './encoding/signature-policy.ts';
import { readCatalog, type Catalog, type CatalogEntry } from './format/catalog.ts';
import { readParentClaim, type ParentClaim } from './format/claim.ts';
import { listSystemIds, readClusterRecord, type StoredClusterRecord } from './format/cluster-record.ts';
import {
  clusterRecordKey,
  commitRecordKey,
  historyKey,
  notesPrefix,
  type SystemPath,
} from './format/layout.ts';
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
import { noteEntriesIn, readNote, type Note, type NoteEntry, type NoteKind } from './format/notes/note.ts';
import { pinKind, pinnedBackups, unpinKind } from './format/notes/pin.ts';
import { parseRemovedWal, removedWalKind } from './format/notes/removed-wal.ts';
import { PassedOverObjects } from './passed-over.ts';
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
  /** What was read so far and decides nothing. */
  readonly passedOver = new PassedOverObjects();

  constructor(repository: Repository, system: SystemPath, signal: AbortSignal) {
    this.repository = repository;
    this.system = system;
    this.#signal = signal;
  }

  /** Undefined also for a record that cannot be used. It is not signed, and decides nothing that others do not. */
  clusterRecord(): Promise<StoredClusterRecord | undefined> {
    return this.#once('cluster.json', async () => {
      try {
        return await readClusterRecord(this.repository.store, this.system, this.#signal);
      } catch (error) {
        if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
        this.passedOver.add('records', clusterRecordKey(this.system), `cannot be used: ${error.message}`);
        this.passedOver.tell(this.repository);
        return undefined;
      }
    });
  }

  /** The segment size, by the believed backups, else by `cluster.json`. Undefined if neither tells it. */
  async geometry(): Promise<WalGeometry | undefined> {
    const [first] = await this.believedBackups();
    return first?.record.geometry ?? (await this.clusterRecord())?.geometry;
  }

  /** The catalogue; it lists unreadable records too. */
  catalog(): Promise<Catalog> {
    return this.#once('catalog/backups', async () => {
      const catalog = await readCatalog(this.repository, this.system, this.#signal);
      const passOver = (id: string, problem: string) =>
        this.passedOver.add('records', commitRecordKey(this.system, id), problem);
      for (const { record, verdict } of catalog.backups)
        if (!isBelieved(verdict, this.#policy)) passOver(record.id, describeVerdict(verdict));
      for (const { id, problem } of catalog.unreadable) passOver(id, `cannot be used: ${problem}`);
      this.passedOver.tell(this.repository);
      return catalog;
    });
  }

  /** The backups whose records the policy believes. */
  async believedBackups(): Promise<CatalogEntry[]> {
    const { backups } = await this.catalog();
    return backups.filter(({ verdict }) => isBelieved(verdict, this.#policy));
  }

  /** The directories of all backups, by id. */
  backupDirectories(): Promise<ReadonlyMap<string, BackupDirectory>> {
    return this.#once('backups', () => listBackupDirectories(this.repository, this.system, this.#signal));
  }

  /** The parent that the claim of backup `id` names. */
  parentOf(id: string): Promise<ParentClaim> {
    return this.#once(`claim ${id}`, () => readParentClaim(this.repository, this.system, id, this.#signal));
  }

  timelines(): Promise<ArchivedTimelines> {
    return this.#once('timelines', async () => {
      const timelines = await readTimelines(this.repository, this.system, this.#signal);
      for (const [timeline, problem] of timelines.foreign)
        this.passedOver.add('histories', historyKey(this.system, timeline), problem);
      this.passedOver.tell(this.repository);
      return timelines;
    });
  }

  wal(geometry: WalGeometry): Promise<ArchivedWal> {
    return this.#once(`wal ${geometry.segmentSizeBytes}`, () =>
      listWal(this.repository, this.system, geometry, this.#signal),
    );
  }

  /** All noted losses, including WAL that was archived later. */
  async lostWal(geometry: WalGeometry): Promise<LostWal[]> {
    return (await this.#notes([lostWalKind])).flatMap(note => parseLostWal(note, geometry) ?? []);
  }

  /** The losses that are still missing from the archive. */
  async missingWal(geometry: WalGeometry): Promise<LostWal[]> {
    const losses = await this.lostWal(geometry);
    return losses.length === 0 ? [] : stillMissing(losses, (await this.wal(geometry)).runs);
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
    return this.#once(`high water ${geometry.segmentSizeBytes}`, () => this.#highestNotes(geometry));
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

  /**
   * The WAL that surely was archived once, or given up, by notes and histories, and by the catalogue unless
   * `withoutCatalog`: that costs two requests for each backup.
   */
  async knownWal(geometry: WalGeometry, { withoutCatalog = false } = {}): Promise<KnownWal[]> {
    const { tree } = await this.timelines();
    const backups = withoutCatalog ? [] : (await this.believedBackups()).filter(hasUsablePositions);
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
    // A pin only protects, so anybody's counts.
    const notes = await this.#notes([pinKind, unpinKind], 'off');
    return pinnedBackups(notes, ({ verdict }) => isBelieved(verdict, this.#removalPolicy));
  }

  /** Ids of backups whose removal an earlier cleanup announced. */
  async expiring(): Promise<ReadonlySet<string>> {
    const notes = await this.#notes([expiringKind], this.#removalPolicy);
    return new Set(notes.map(({ subject }) => subject));
  }

  get #policy(): SignaturePolicy {
    return this.repository.codec.policy;
  }

  get #removalPolicy(): SignaturePolicy {
    return this.repository.codec.removalPolicy;
  }

  /**
   * The notes of these kinds that the policy believes, by subject, then in the order in which they were written. The key
   * of a note tells its kind, so notes of other kinds are not read.
   */
  async #notes(kinds: readonly NoteKind[], policy = this.#policy): Promise<Note[]> {
    const notes: Note[] = [];
    for (const entry of await this.#noteEntries(...kinds)) {
      const note = await this.#believedNote(entry, policy);
      if (note !== undefined) notes.push(note);
    }
    this.passedOver.tell(this.repository);
    return notes;
  }

  /** Undefined for a note that counts for nothing. */
  async #believedNote(entry: NoteEntry, policy: SignaturePolicy): Promise<Note | undefined> {
    const passOver = (problem: string) => {
      this.passedOver.add('notes', entry.key, problem);
      return undefined;
    };
    if (!entry.hasSignature && needsSignature(policy))
      return passOver(describeVerdict({ status: 'unsigned' }));
    const read = await this.#once(entry.key, () => this.#readNote(entry));
    if (read === undefined) return undefined;
    if ('problem' in read) return passOver(read.problem);
    return isBelieved(read.verdict, policy) ? read : passOver(describeVerdict(read.verdict));
  }

  async #readNote(entry: NoteEntry): Promise<Note | { readonly problem: string } | undefined> {
    try {
      return await readNote(this.repository, entry, this.#signal);
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
      return { problem: `cannot be read: ${error.message}` };
    }
  }

  /** The believed high-water notes that were read: the highest of each timeline. */
  async #highestNotes(geometry: WalGeometry): Promise<HighWater[]> {
    const byTimeline = new Map<number, { readonly entry: NoteEntry; readonly position: HighWater }[]>();
    for (const entry of await this.#noteEntries(highWaterKind)) {
      const position = parseHighWater(entry, geometry);
      if (position === undefined) continue;
      const notes = byTimeline.get(position.timeline) ?? [];
      byTimeline.set(position.timeline, notes);
      notes.push({ entry, position });
    }
    const highest: HighWater[] = [];
    for (const notes of byTimeline.values()) {
      notes.sort((a, b) => (a.position.segment > b.position.segment ? -1 : 1));
      for (const { entry, position } of notes) {
        if (needsSignature(this.#policy) && (await this.#believedNote(entry, this.#policy)) === undefined)
          continue;
        highest.push(position);
        break;
      }
    }
    return highest;
  }

  async #noteEntries(...kinds: readonly NoteKind[]): Promise<NoteEntry[]> {
    const entries = await this.#once('catalog/notes', () => {
      const prefix = notesPrefix(this.system);
      return noteEntriesIn(this.repository.store.list({ prefix, signal: this.#signal }));
    });
    return entries.filter(({ kind }) => kinds.some(wanted => wanted === kind));
  }

  #once<T>(part: string, read: () => Promise<T>): Promise<T> {
    const known = this.#parts.get(part) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const reading = read();
    this.#parts.set(part, reading);
    return reading;
  }
}
