/** The timeline that a recovery follows: `--timeline` in restore_command names it, or the data directory shows it. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Reached } from '../../postgres/cluster/control-file.ts';
import { readLocalHistories } from '../../postgres/cluster/local-histories.ts';
import type { RecoveryMode } from '../../postgres/cluster/signal-files.ts';
import { historyFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { TimelineHistoryEntry } from '../../postgres/wal/timeline-history.ts';
import { surveySystem } from '../../repository/survey.ts';
import { healHistoryHint, historyFromTree } from '../../repository/wal/timelines.ts';
import { branchShown, type Branch } from './branch.ts';
import type { FetchOptions } from './options.ts';
import { hasLocalSegment } from './local-segment.ts';

export interface FollowedClues {
  readonly mode: RecoveryMode;
  /** The value of `--timeline`. */
  readonly timeline: number | undefined;
  readonly walDirectory: string;
  readonly reached: readonly Reached[];
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
}

/** The branch that the recovery follows. Undefined when nothing says that it leaves the timeline of `file`. */
export async function followedBranch(
  options: FetchOptions,
  clues: FollowedClues,
  file: WalFileName & { kind: 'segment' },
): Promise<Branch | undefined> {
  const known = locallyFollowed(clues, file);
  const { timeline } = clues;
  // Only a timeline from `--timeline` can be unknown.
  if (known !== 'unknown' || timeline === undefined) return known === 'unknown' ? undefined : known;
  return { timeline, history: await archivedHistory(options, timeline), isCertain: true };
}

/**
 * The same from the data directory alone. `unknown`: `--timeline` names a timeline whose history is not in `pg_wal`.
 * Synchronous, because the agent answers a waiting server while all threads of Node's pool may be busy.
 *
 * `--timeline` decides for a fetch by hand, and for a point-in-time recovery, unless the replayed WAL shows that the
 * option is from an earlier recovery. It does not decide for a standby, which outlives the option: only the data
 * directory counts there.
 */
export function locallyFollowed(
  clues: FollowedClues,
  file: WalFileName & { kind: 'segment' },
): Branch | undefined | 'unknown' {
  const { mode, timeline, walDirectory, geometry } = clues;
  if (mode !== 'standby' && timeline !== undefined && timeline !== file.timeline) {
    const history = readLocalHistories(walDirectory).get(timeline);
    return history === undefined ? 'unknown' : { timeline, history, isCertain: true };
  }
  if (mode === 'none') return undefined;
  const shown = branchShown(
    file,
    {
      histories: readLocalHistories(walDirectory),
      reached: clues.reached,
      hasSegment: name => hasLocalSegment(walDirectory, name, clues),
    },
    geometry,
  );
  return shown?.isCertain === false && mode === 'point-in-time' && timeline !== undefined ? undefined : shown;
}

async function archivedHistory(options: FetchOptions, timeline: number): Promise<TimelineHistoryEntry[]> {
  let failure: unknown;
  for (const repository of options.repositories) {
    try {
      const { tree, unusable } = await surveySystem(repository, options.system, options.signal).timelines();
      const problem = unusable.get(timeline);
      if (problem !== undefined)
        throw new WalvaultError('damaged', problem, { hint: healHistoryHint(timeline) });
      const history = historyFromTree(tree, timeline);
      if (history.length > 0) return history;
    } catch (error) {
      if (repository.required) failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  if (timeline === 1) return [];
  throw new WalvaultError(
    'wal-missing',
    `${historyFileName(timeline)} is neither in pg_wal nor in the archive`,
    { retry: true },
  );
}
