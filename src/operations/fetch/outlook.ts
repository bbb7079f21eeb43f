/** The segments that a recovery will ask for next, read from its data directory alone. */
import { reachedIn, readControlFile, readControlFileNow } from '../../postgres/cluster/control-file.ts';
import { recoveryModeOf, type RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { locallyFollowed } from './followed.ts';
import { judgeBranch, segmentsAfter } from './plan.ts';

export interface OutlookOptions {
  /** The segment that PostgreSQL asks for. */
  readonly name: string;
  /** The value of `--timeline`. */
  readonly timeline: number | undefined;
  readonly dataDirectory: string;
  readonly walDirectory: string;
  /** How far to look ahead; at least one segment. */
  readonly depthBytes: number;
  readonly signal: AbortSignal;
}

export interface Outlook {
  /** The segment that PostgreSQL asks for. */
  readonly name: string;
  readonly mode: Exclude<RecoveryMode, 'none'>;
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
  /** True if the rule of branches (docs/exit-codes.md) allows this segment. */
  readonly isOnBranch: boolean;
  /** A name for this place in the WAL: the same on every timeline that the recovery tries there. */
  readonly place: string;
  /** The segments after this one, in the order in which PostgreSQL will ask for them. */
  readonly upcoming: readonly string[];
}

/**
 * Foresees the next segments. Undefined outside a recovery, for a file that is no segment, and for a timeline whose
 * history is not in `pg_wal`.
 * @throws WalvaultError `damaged`, `local-io`
 */
export async function lookOut(options: OutlookOptions): Promise<Outlook | undefined> {
  const { dataDirectory, walDirectory, timeline, depthBytes } = options;
  const file = parseWalFileName(options.name);
  const mode = recoveryModeOf(dataDirectory);
  if (file?.kind !== 'segment' || mode === 'none') return undefined;
  const control = readControlFileNow(dataDirectory) ?? (await readControlFile(dataDirectory, options.signal));
  const { systemId, geometry } = control;
  const reached = reachedIn(control);
  const known = locallyFollowed({ mode, timeline, walDirectory, reached, systemId, geometry }, file);
  if (known === 'unknown') return undefined;
  const followed = known ?? { timeline: file.timeline, history: [] };
  const number = geometry.positionOf(file).segment;
  const count = Math.max(1, Math.floor(depthBytes / geometry.segmentSizeBytes));
  return {
    name: file.name,
    mode,
    systemId,
    geometry,
    isOnBranch: judgeBranch(file, known, geometry) === 'on-branch',
    place: `${systemId} ${followed.timeline} ${number}`,
    upcoming: segmentsAfter(number, count, followed, geometry),
  };
}

/** Whether the server of this data directory is in recovery, or will be when it starts. */
export function isSetToRecover(dataDirectory: string): boolean {
  return recoveryModeOf(dataDirectory) !== 'none';
}
