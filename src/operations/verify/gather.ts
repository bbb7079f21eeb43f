/** What one repository holds of one system, read for a verification: listings and small records, without a private key. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { subtract, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { faultsOf, type BackupFaults } from '../../repository/backup/faults.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { Catalog, CatalogEntry } from '../../repository/format/catalog.ts';
import { clusterRecordKey, commitRecordKey, type SystemPath } from '../../repository/format/layout.ts';
import { describeLoss, metByRecovery } from '../../repository/wal/lost-wal.ts';
import type { Gap } from '../../repository/wal/gaps.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import type { ArchivedTimelines } from '../../repository/wal/timelines.ts';
import { hasUsablePositions } from '../../repository/trust.ts';
import type { PassedOver } from '../../repository/passed-over.ts';
import type { BackupDirectory } from '../../repository/stored-backups.ts';
import type { SystemSurvey } from '../../repository/survey.ts';
import type { Oddities, Oddity } from './oddities.ts';

/** A gap that a recovery can meet. */
export type MetGap = Pick<Gap, 'timeline' | 'first' | 'last' | 'shownBy'>;

export interface ArchiveState {
  readonly system: SystemPath;
  readonly now: Date;
  /** Undefined: nothing tells the segment size, and nothing is known of the WAL. */
  readonly geometry: WalGeometry | undefined;
  readonly clusterRecord: { readonly segmentSizeBytes: number } | { readonly problem: string } | undefined;
  readonly catalog: Catalog;
  /** The records that the policy believes, and those of them that do not contradict themselves. */
  readonly believed: readonly CatalogEntry[];
  readonly backups: readonly CatalogEntry[];
  /** Of `backups`. */
  readonly faults: readonly BackupFaults[];
  readonly directories: ReadonlyMap<string, BackupDirectory>;
  readonly expiring: ReadonlySet<string>;
  readonly runs: readonly WalRun[];
  /** Segments that no trusted signature proves. They are in no run. */
  readonly foreign: readonly SegmentRange[];
  readonly gaps: readonly MetGap[];
  readonly timelines: ArchivedTimelines;
  readonly oddities: readonly Oddity[];
  /** Objects that decide nothing, as far as they were read. */
  readonly passedOver: {
    readonly notes: readonly PassedOver[];
    readonly histories: readonly PassedOver[];
    readonly segments: readonly PassedOver[];
  };
}

/** @param oddities watches the listings of the survey's repository */
export async function gatherState(
  survey: SystemSurvey,
  oddities: Oddities,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ArchiveState> {
  const { system, passedOver } = survey;
  const catalog = await survey.catalog();
  const geometry = await survey.geometry();
  oddities.geometry = geometry;
  const believed = await survey.believedBackups();
  const backups = believed.filter(hasUsablePositions);
  const directories = await survey.backupDirectories();
  const timelines = await survey.timelines();
  const clusterRecord = await survey.clusterRecord();
  const expiring = await survey.expiring();
  // Notes that cannot be used are noticed by their readers.
  await survey.pinned();
  await survey.restorePoints();
  await survey.anomalies();
  // A large archive is listed for minutes. What shows that WAL existed is read before, so that newer WAL is not missed.
  if (geometry !== undefined) await survey.highWater(geometry);
  const runs = geometry === undefined ? [] : (await survey.wal(geometry)).runs;
  const faults = await stillThere(
    survey,
    backups.map(({ record }) => faultsOf(record, directories.get(record.id), runs)),
    signal,
  );
  return {
    system,
    now,
    geometry,
    clusterRecord:
      clusterRecord === undefined
        ? passedOver.of('records').find(({ key }) => key === clusterRecordKey(system))
        : { segmentSizeBytes: clusterRecord.geometry.segmentSizeBytes },
    catalog,
    believed,
    backups,
    faults,
    directories,
    expiring,
    runs,
    foreign: geometry === undefined ? [] : await survey.foreignWal(geometry),
    gaps:
      geometry === undefined
        ? []
        : await gapsOf(
            survey,
            faults.map(({ record }) => record),
            geometry,
          ),
    timelines,
    oddities: oddities.found,
    passedOver: {
      notes: passedOver.of('notes'),
      histories: passedOver.of('histories'),
      segments: passedOver.of('segments'),
    },
  };
}

/** Without the backups that lack something because a cleanup has removed them since their records were read. */
async function stillThere(
  { repository, system }: SystemSurvey,
  faults: readonly BackupFaults[],
  signal: AbortSignal,
): Promise<BackupFaults[]> {
  const there: BackupFaults[] = [];
  for (const one of faults) {
    const isWhole = one.pieces.count + one.names.count + one.wal.length === 0;
    const key = commitRecordKey(system, one.record.id);
    if (isWhole || (await repository.store.head(key, { signal })) !== undefined) there.push(one);
  }
  return there;
}

/** Those that nobody has accepted; what was given up says so. */
async function gapsOf(
  survey: SystemSurvey,
  records: readonly BackupRecord[],
  geometry: WalGeometry,
): Promise<MetGap[]> {
  const given = await survey.openLosses(geometry);
  const open = (await survey.gaps(geometry)).filter(({ acknowledged }) => acknowledged === undefined);
  const lost = given.map(one => ({ ...one, shownBy: `it was ${describeLoss(one)}` }));
  const gaps: MetGap[] = [...open.flatMap(gap => subtract(gap, given)), ...lost];
  return metByRecovery(gaps, records, geometry).map(({ gap }) => gap);
}
