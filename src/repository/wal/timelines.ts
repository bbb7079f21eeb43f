/** The tree of an archive's timelines, read from the metadata of history files, so that no private key is needed. */
import { collect } from '../../base/bytes/streams.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import {
  parseTimelineHistory,
  type TimelineHistories,
  type TimelineHistoryEntry,
} from '../../postgres/wal/timeline-history.ts';
import { parseWalKey, timelinesPrefix, type SystemPath } from '../format/layout.ts';
import { decodeMetadata } from '../format/object-metadata.ts';
import type { Repository } from '../repository.ts';

/**
 * For each timeline, its parent and the position where it left the parent. A timeline without an entry has no known
 * parent (timeline 1).
 */
export type TimelineTree = ReadonlyMap<number, { readonly parent: number; readonly switchpoint: Lsn }>;

export interface ArchivedTimelines {
  readonly tree: TimelineTree;
  /** When each timeline's history reached the store, by the store's clock. */
  readonly historyTimes: ReadonlyMap<number, Date>;
}

const historyLimitBytes = 16 * 1024 ** 2;

export async function readTimelines(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<ArchivedTimelines> {
  const tree = new Map<number, { parent: number; switchpoint: Lsn }>();
  const historyTimes = new Map<number, Date>();
  for await (const entry of repository.store.list({ prefix: timelinesPrefix(system), signal })) {
    if ('prefix' in entry) continue;
    const parsed = parseWalKey(entry.key);
    if (parsed?.kind !== 'file' || parsed.file.kind !== 'history') continue;
    historyTimes.set(parsed.file.timeline, entry.modified);
    const stat = await repository.store.head(entry.key, { signal });
    const branch =
      (stat && decodeMetadata(stat.metadata)?.branch) ??
      (await branchFromContent(repository, entry.key, signal));
    if (branch !== undefined) tree.set(parsed.file.timeline, branch);
  }
  return { tree, historyTimes };
}

/** The parent and switchpoint in the last entry of a history. */
export function branchOfHistory(
  history: readonly TimelineHistoryEntry[],
): { parent: number; switchpoint: Lsn } | undefined {
  const last = history.at(-1);
  return last && { parent: last.timeline, switchpoint: last.switchpoint };
}

async function branchFromContent(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<{ parent: number; switchpoint: Lsn } | undefined> {
  const { body } = await repository.store.get(key, { signal });
  const text = await collect(repository.codec.decode(key, body), historyLimitBytes);
  return branchOfHistory(parseTimelineHistory(text.toString('utf8'), key));
}

/** Ancestors of `timeline`, oldest first, as its history file would list them. */
export function historyFromTree(tree: TimelineTree, timeline: number): TimelineHistoryEntry[] {
  const history: TimelineHistoryEntry[] = [];
  let current = tree.get(timeline);
  for (let depth = 0; current !== undefined && depth <= tree.size; depth++) {
    history.unshift({ timeline: current.parent, switchpoint: current.switchpoint, reason: '' });
    current = tree.get(current.parent);
  }
  return history;
}

/** The histories of all timelines that have a parent. */
export function historiesFromTree(tree: TimelineTree): TimelineHistories {
  return new Map([...tree.keys()].map(timeline => [timeline, historyFromTree(tree, timeline)]));
}
