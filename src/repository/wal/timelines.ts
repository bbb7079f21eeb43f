/** The tree of an archive's timelines, read from the metadata of history files, so that no private key is needed. */
import { collect, TooLargeError, type ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { historyFileName } from '../../postgres/wal/file-name.ts';
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
export type TimelineTree = ReadonlyMap<number, Branch>;

/** Where a timeline left its parent. */
export interface Branch {
  readonly parent: number;
  readonly switchpoint: Lsn;
}

export interface ArchivedTimelines {
  readonly tree: TimelineTree;
  /** When the history of each timeline in `tree` reached the store, by the store's clock. */
  readonly historyTimes: ReadonlyMap<number, Date>;
  /**
   * The timelines whose archived history cannot be read, each with what is wrong with it. They are in no other part: nobody
   * can follow them until it is repaired. Their numbers are taken all the same.
   */
  readonly unusable: ReadonlyMap<number, string>;
}

export async function readTimelines(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<ArchivedTimelines> {
  const tree = new Map<number, Branch>();
  const historyTimes = new Map<number, Date>();
  const unusable = new Map<number, string>();
  for await (const entry of repository.store.list({ prefix: timelinesPrefix(system), signal })) {
    if ('prefix' in entry) continue;
    const parsed = parseWalKey(entry.key);
    if (parsed?.kind !== 'file' || parsed.file.kind !== 'history') continue;
    const { timeline } = parsed.file;
    try {
      const stat = await repository.store.head(entry.key, { signal });
      // Metadata that names a parent that cannot be one was made by hand.
      const told = stat && decodeMetadata(stat.metadata)?.branch;
      const branch =
        told !== undefined && told.parent < timeline
          ? told
          : await branchFromContent(repository, { key: entry.key, timeline }, signal);
      tree.set(timeline, branch);
      historyTimes.set(timeline, entry.modified);
    } catch (error) {
      // Without its metadata, a history of an encrypted archive needs a private key, which this host may lack.
      if (!(error instanceof WalvaultError) || !['damaged', 'key'].includes(error.code)) throw error;
      unusable.set(timeline, error.message);
    }
  }
  return { tree, historyTimes, unusable };
}

export function describeUnfollowable(timeline: number, problem: string): string {
  return `timeline ${timeline} cannot be followed, its history cannot be read: ${problem}`;
}

/** What to do about an archived history that cannot be read; the problem names its key. */
export function healHistoryHint(timeline: number): string {
  const name = historyFileName(timeline);
  return `Remove it with \`walvault store rm --force\`, then archive a good ${name} with \`walvault push --missing\` on a server that has one in pg_wal.`;
}

/** The timelines without a usable history, except the lowest: their parents are unknown. */
export function timelinesOfUnknownOrigin(tree: TimelineTree, present: Iterable<number>): number[] {
  const all = [...new Set([...present, ...tree.keys()])].sort((a, b) => a - b);
  return all.filter((timeline, index) => index > 0 && !tree.has(timeline));
}

/** What is wrong with a history that is not archived although its timeline is. */
export function describeLostHistory(timeline: number): string {
  return `${historyFileName(timeline)} is not archived`;
}

/** What to do about it. */
export function lostHistoryHint(timeline: number): string {
  return `If a server still has ${historyFileName(timeline)} in pg_wal, archive it there with \`walvault push --missing\`.`;
}

/**
 * The parent and switchpoint in the last line of a history file.
 * @throws WalvaultError `damaged`, with `source` in its message
 */
export function branchInText(timeline: number, text: string, source: string): Branch {
  const last = parseTimelineHistory(timeline, text, source).at(-1);
  if (last === undefined) throw new TypeError(`${source}: no line`);
  return { parent: last.timeline, switchpoint: last.switchpoint };
}

/** A line for each ancestor takes less than a hundred bytes. */
const historyLimitBytes = 16 * 1024 ** 2;

/** Collects the content of a history. @throws WalvaultError `damaged` for what is too large to be one */
export async function collectHistory(content: ByteStream, source: string): Promise<Buffer> {
  try {
    return await collect(content, historyLimitBytes);
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    throw new WalvaultError('damaged', `${source}: too large for a timeline history`);
  }
}

async function branchFromContent(
  repository: Repository,
  { key, timeline }: { readonly key: string; readonly timeline: number },
  signal: AbortSignal,
): Promise<Branch> {
  const { body } = await repository.store.get(key, { signal });
  const source = `${repository.store.url}: ${key}`;
  const content = await collectHistory(repository.codec.decode(key, body), source);
  return branchInText(timeline, content.toString('utf8'), source);
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
