/** What `walvault list` says of repositories. `docs/reference/json.md` publishes these shapes. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { NamedRange } from '../../postgres/wal/segment-range.ts';
import type { TierCounts } from '../../repository/cold-objects.ts';
import type { CatalogEntry, UnreadableEntry } from '../../repository/format/catalog.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import type { TimelineListing } from './timelines.ts';

export interface RepositoryListing {
  readonly name: string;
  readonly url: string;
  readonly required: boolean;
  /** Of a best-effort one. Undefined: it is a required one, or they cannot be compared. */
  readonly backlog: Backlog | undefined;
  readonly systems: readonly SystemListing[];
  /** Why it could not be read; then `systems` may be incomplete. */
  readonly problem: Error | undefined;
}

export interface SystemListing {
  readonly systemId: bigint;
  readonly postgresMajor: number | undefined;
  readonly geometry: WalGeometry | undefined;
  /** Undefined when only WAL was asked for. */
  readonly backups: readonly ListedBackup[] | undefined;
  readonly unreadable: readonly UnreadableEntry[] | undefined;
  /** Undefined when only backups were asked for. */
  readonly timelines: readonly TimelineListing[] | undefined;
  readonly runs: readonly WalRun[] | undefined;
}

export interface ListedBackup extends CatalogEntry {
  /** As PostgreSQL writes them: `0/16B3740`. */
  readonly startLsn: string;
  readonly stopLsn: string;
  /** The first and last segment that make it consistent. */
  readonly startSegment: string;
  readonly stopSegment: string;
  readonly storedBytes: number;
  readonly isPinned: boolean;
  /** Parts and manifest in archive tiers, by tier. */
  readonly cold: TierCounts;
}

export interface Backlog {
  /** Names of the required repositories it was compared with. */
  readonly comparedWith: readonly string[];
  /** Only systems of which something is missing. */
  readonly systems: readonly SystemBacklog[];
}

export interface SystemBacklog {
  readonly systemId: bigint;
  /** Ids of committed backups. */
  readonly backups: readonly string[];
  readonly wal: readonly NamedRange[];
  /** Timelines whose history is missing. */
  readonly histories: readonly number[];
}
