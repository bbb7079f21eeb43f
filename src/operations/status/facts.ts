/** The facts that a status is judged from: gathered once, then only looked at. */
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import type { ArchiverStatistics } from '../../postgres/server/archiver.ts';
import type { ServerState } from '../../postgres/server/state.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Anomaly } from '../../repository/format/notes/anomaly.ts';
import type { CatalogEntry } from '../../repository/format/catalog.ts';
import type { LostWal } from '../../repository/format/notes/lost-wal.ts';
import type { VerifiedRun } from '../../repository/format/notes/verified.ts';
import type { PassedOver } from '../../repository/passed-over.ts';
import type { RestoreInProgress } from '../../repository/restores-in-progress.ts';
import type { Gap } from '../../repository/wal/gaps.ts';
import type { WalDays } from '../../repository/wal/wal-days.ts';
import type { RestoreSurvey } from '../restore/survey.ts';

/** A fact, or why it is not known. */
export type Fact<T> = { readonly known: T } | Unknown;

export interface Unknown {
  /** Why, in one line. */
  readonly unknown: string;
  readonly hint?: string | undefined;
}

export function isKnown<T>(fact: Fact<T> | undefined): fact is { readonly known: T } {
  return fact !== undefined && 'known' in fact;
}

/** The fact itself; undefined where it is not known, or was not asked for. */
export function knownOf<T>(fact: Fact<T> | undefined): T | undefined {
  return isKnown(fact) ? fact.known : undefined;
}

export interface StatusFacts {
  readonly cluster: string;
  /** How often a backup is expected; undefined: none is. */
  readonly backupIntervalMs: number | undefined;
  readonly maxLagMs: number;
  /** Bytes of waiting WAL above which WAL is given up; undefined: none ever is. */
  readonly queueLimitBytes: number | undefined;
  readonly repositories: readonly RepositoryFacts[];
  /** Undefined: it was not to be asked. */
  readonly server: Fact<ServerFacts> | undefined;
  /** What is on this host of the cluster. Undefined: it was not to be looked at. */
  readonly host: Fact<HostFacts> | undefined;
  /** Undefined: it was not to be asked. */
  readonly agent: AgentFacts | undefined;
}

export interface RepositoryFacts {
  readonly name: string;
  readonly url: string;
  readonly required: boolean;
  /** Of a GiB in a month. */
  readonly pricePerGib: number | undefined;
  /** True if it has a retention policy: cleanup then frees as much as is added, in the long run. */
  readonly hasRetention: boolean;
  readonly systems: Fact<readonly SystemFacts[]>;
  /** The file system of a directory repository; undefined for a service. */
  readonly disk: Fact<DiskFacts> | undefined;
}

export interface DiskFacts {
  readonly sizeBytes: number;
  /** What ordinary users may still write. */
  readonly freeBytes: number;
}

export interface SystemFacts {
  readonly systemId: bigint;
  readonly firstSeen: Date | undefined;
  /** Undefined: nothing of the system is archived yet. */
  readonly archive: ArchiveFacts | undefined;
  readonly backups: readonly BackupFacts[];
  /** The number of commit records that cannot be used, and the first of them. */
  readonly unreadable: { readonly count: number; readonly first: string | undefined };
  readonly passedOver: { readonly count: number; readonly first: PassedOver | undefined };
  readonly anomalies: ReadonlyMap<string, readonly Anomaly[]>;
  /** What `verify` said last, and when it last found no damage. */
  readonly verified: { readonly last?: VerifiedRun; readonly lastSound?: VerifiedRun };
  /** Restores that hold a backup and its WAL against cleanups. */
  readonly restores: readonly RestoreInProgress[];
  /** Bytes below `backups/`, also of unfinished ones. */
  readonly backupBytes: number;
  /** Backups with a claim and without a commit record: they run, or were interrupted. */
  readonly unfinished: readonly { readonly id: string; readonly lastSignAt: Date }[];
}

export interface BackupFacts extends CatalogEntry {
  readonly storedBytes: number;
  /** Why it cannot be restored, as far as its record and its objects show; its WAL is looked at apart. */
  readonly problem: string | undefined;
}

export interface ArchiveFacts {
  readonly geometry: WalGeometry;
  /** With the backups that may be restored. */
  readonly survey: RestoreSurvey;
  readonly days: WalDays;
  readonly gaps: readonly Gap[];
  /** What was given up, is still missing, and nobody has accepted. */
  readonly lost: readonly LostWal[];
}

export interface ServerFacts extends Pick<
  ServerState,
  'systemId' | 'isStandby' | 'timeline' | 'geometry' | 'archiveMode' | 'archiveTimeoutSeconds'
> {
  readonly archiver: ArchiverStatistics;
  /** The position of the next record; on a standby, the end of the received WAL. */
  readonly lsn: Lsn;
  /** Undefined where the role may not see it. */
  readonly readySegments: number | undefined;
}

export interface HostFacts {
  readonly dataDirectory: string;
  readonly control: Pick<ControlFile, 'systemId' | 'geometry'>;
  readonly readySegments: Fact<number>;
  /** The file system of `pg_wal`. */
  readonly disk: Fact<DiskFacts>;
}

export type AgentFacts =
  | {
      readonly kind: 'running';
      readonly pid: number;
      readonly version: string;
      readonly pushed: number;
      readonly failed: number;
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'silent' }
  /** It could not be asked from here. */
  | { readonly kind: 'unknown'; readonly problem: string };
