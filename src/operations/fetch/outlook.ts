/** What a recovery that asks for a segment will ask for next, from its own data directory alone. */
import { reachedIn, readControlFile, readControlFileNow } from '../../postgres/cluster/control-file.ts';
import { recoveryModeOf, type RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { locallyFollowed } from './followed.ts';
import { judgeBranch, segmentsAfter } from './plan.ts';

export interface OutlookOptions {
  /** The segment that is asked for. */
  readonly name: string;
  /** `--timeline`. */
  readonly timeline: number | undefined;
  readonly dataDirectory: string;
  readonly walDirectory: string;
  /** How far to look ahead; at least one segment. */
  readonly depthBytes: number;
  readonly signal: AbortSignal;
}

export interface Outlook {
  /** The segment that is asked for. */
  readonly name: string;
  readonly mode: Exclude<RecoveryMode, 'none'>;
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
  /** The rule of branches (docs/exit-codes.md) allows the segment that is asked for. */
  readonly isOnBranch: boolean;
  /** The same for as long as the recovery asks for the same place in the WAL, on whichever timeline. */
  readonly place: string;
  /** In the order in which they will be asked for, without the one that is. */
  readonly upcoming: readonly string[];
}

/**
 * Undefined where there is nothing to foresee: no recovery, no segment, or a timeline whose history is not in `pg_wal`.
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

/** Whether a server recovers in this directory, or will when it is started. */
export function isInRecovery(dataDirectory: string): boolean {
  return recoveryModeOf(dataDirectory) !== 'none';
}
