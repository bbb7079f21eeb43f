/**
 * The survey of one PostgreSQL system in one repository: listings and small records, read without a private key.
 *
 * Each part is read once, when it is first needed. A survey is therefore as old as its oldest part; make a new survey
 * for each question that needs the present state.
 */
import type { WalGeometry } from '../postgres/wal/geometry.ts';
import { count, subtract, type SegmentPosition, type SegmentRange } from '../postgres/wal/segment-range.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import { describeVerdict, isBelieved, needsSignature } from './encoding/signature-policy.ts';
import { readCatalog, type Catalog, type CatalogEntry } from './format/catalog.ts';
import { readParentClaim, type ParentClaim } from './format/claim.ts';
import { listSystemIds, readClusterRecord, type StoredClusterRecord } from './format/cluster-record.ts';
import { clusterRecordKey, commitRecordKey, historyKey, walKey, type SystemPath } from './format/layout.ts';
import type { LostWal } from './format/notes/lost-wal.ts';
import { NotedFacts } from './noted-facts.ts';
import type { Repository } from './repository.ts';
import { listBackupDirectories, type BackupDirectory } from './stored-backups.ts';
import { hasUsablePositions } from './trust.ts';
import { findForeignWal, hasBelievedWal } from './wal/believed-wal.ts';
import { findGaps, type Gap } from './wal/gaps.ts';
import { knownFromBackups, knownFromHighWater, knownFromHistories, type KnownWal } from './wal/known-wal.ts';
import { listWal } from './wal/list-wal.ts';
import type { ArchivedWal } from './wal/listing.ts';
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

const mostTimelines = 1000;

interface ListedWal {
  /** All of it, believed or not. */
  readonly listed: ArchivedWal;
  readonly foreign: readonly SegmentRange[];
}
/** Each costs a request. A standby that follows the newest timeline has none above its own. */
const mostHistoriesForStandby = 4;

/**
 * Every method throws StoreError, and WalvaultError `damaged` for an unreadable object, unless its docstring says
 * otherwise.
 */
export class SystemSurvey extends NotedFacts {
  /** Undefined also for a record that cannot be used. It is not signed, and decides nothing that others do not. */
  clusterRecord(): Promise<StoredClusterRecord | undefined> {
    return this.once('cluster.json', async () => {
      try {
        return await readClusterRecord(this.repository.store, this.system, this.signal);
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
    return this.once('catalog/backups', async () => {
      const catalog = await readCatalog(this.repository, this.system, this.signal);
      const passOver = (id: string, problem: string) =>
        this.passedOver.add('records', commitRecordKey(this.system, id), problem);
      for (const { record, verdict } of catalog.backups)
        if (!isBelieved(verdict, this.policy)) passOver(record.id, describeVerdict(verdict));
      for (const { id, problem } of catalog.unreadable) passOver(id, `cannot be used: ${problem}`);
      this.passedOver.tell(this.repository);
      return catalog;
    });
  }

  /** The backups whose records the policy believes. */
  async believedBackups(): Promise<CatalogEntry[]> {
    const { backups } = await this.catalog();
    return backups.filter(({ verdict }) => isBelieved(verdict, this.policy));
  }

  /** The directories of all backups, by id. */
  backupDirectories(): Promise<ReadonlyMap<string, BackupDirectory>> {
    return this.once('backups', () => listBackupDirectories(this.repository, this.system, this.signal));
  }

  /** The parent that the claim of backup `id` names. */
  parentOf(id: string): Promise<ParentClaim> {
    return this.once(`claim ${id}`, () => readParentClaim(this.repository, this.system, id, this.signal));
  }

  timelines(): Promise<ArchivedTimelines> {
    return this.once('timelines', async () => {
      const timelines = await readTimelines(this.repository, this.system, this.signal);
      for (const [timeline, problem] of timelines.foreign)
        this.passedOver.add('histories', historyKey(this.system, timeline), problem);
      this.passedOver.tell(this.repository);
      return timelines;
    });
  }

  /** The archived WAL; its runs without what is not believed. */
  wal(geometry: WalGeometry): Promise<ArchivedWal> {
    return this.once(`wal ${geometry.segmentSizeBytes}`, async () => {
      const { repository, system, signal } = this;
      const { listed, foreign } = await this.#listedWal(geometry);
      if (foreign.length === 0) return listed;
      for (const range of foreign) {
        const key = walKey(system, geometry.fileOf(range.timeline, range.first));
        this.passedOver.add('segments', key, 'is not signed by a trusted signer', count(range));
      }
      this.passedOver.tell(repository);
      return await listWal(repository, system, geometry, { foreign, signal });
    });
  }

  /** The segments that are there, and that `wal` leaves out of its runs: no trusted signature proves them. */
  async foreignWal(geometry: WalGeometry): Promise<readonly SegmentRange[]> {
    return (await this.#listedWal(geometry)).foreign;
  }

  #listedWal(geometry: WalGeometry): Promise<ListedWal> {
    return this.once(`listed wal ${geometry.segmentSizeBytes}`, async () => {
      const { repository, system, signal } = this;
      const listed = await listWal(repository, system, geometry, { signal });
      const foreign = await findForeignWal(repository, system, listed.runs, { geometry, signal });
      return { listed, foreign };
    });
  }

  /**
   * The timelines that nothing believed is known of, neither a history nor a backup nor WAL: nobody recovers along them.
   * Of more than `mostTimelines` with unknown origin, the rest are taken for genuine, which removes nothing.
   */
  async plantedTimelines(geometry: WalGeometry): Promise<ReadonlySet<number>> {
    const planted = new Set<number>();
    if (!needsSignature(this.policy)) return planted;
    const { runs, stretches } = await this.wal(geometry);
    const { tree } = await this.timelines();
    const backups = await this.believedBackups();
    const known = new Set([
      ...[...tree].flatMap(([timeline, { parent }]) => [timeline, parent]),
      ...runs.map(({ timeline }) => timeline),
      ...backups.flatMap(({ record }) => record.walRanges.map(({ timeline }) => timeline)),
    ]);
    const unknown = new Set(stretches.map(({ timeline }) => timeline).filter(one => !known.has(one)));
    for (const timeline of [...unknown].slice(0, mostTimelines))
      if (!(await hasBelievedWal(this.repository, this.system, timeline, this.signal))) planted.add(timeline);
    return planted;
  }

  /** The losses that are still missing from the archive. */
  async missingWal(geometry: WalGeometry): Promise<LostWal[]> {
    const losses = await this.lostWal(geometry);
    return losses.length === 0 ? [] : stillMissing(losses, (await this.wal(geometry)).runs);
  }

  /** The losses that are still missing and that nobody has accepted. */
  async openLosses(geometry: WalGeometry): Promise<LostWal[]> {
    const missing = await this.missingWal(geometry);
    const accepted = missing.length === 0 ? [] : await this.acknowledgedGaps(geometry);
    return missing.flatMap(lost => subtract(lost, accepted));
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

  /**
   * Some of what shows that the segment was archived once, in a bounded number of requests: for a standby, which asks every
   * few seconds. What shows it is a high-water note, or a history of one of the next timelines.
   */
  async knownFrom(position: SegmentPosition, geometry: WalGeometry): Promise<KnownWal[]> {
    const noted = await this.highWaterFrom(position, geometry);
    const { tree } = await readTimelines(this.repository, this.system, this.signal, {
      above: position.timeline,
      most: mostHistoriesForStandby,
    });
    return [
      ...knownFromHighWater(noted === undefined ? [] : [noted], geometry),
      ...knownFromHistories(historiesFromTree(tree), geometry),
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
}
