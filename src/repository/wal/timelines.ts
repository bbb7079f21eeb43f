/** The tree of an archive's timelines, read from the metadata of history files, so that no private key is needed. */
import { objectBounds } from '../../base/bounds.ts';
import { mapEach } from '../../base/threads/each.ts';
import { collect, TooLargeError, type ByteStream } from '../../base/bytes/streams.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { historyFileName } from '../../postgres/wal/file-name.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import {
  parseTimelineHistory,
  type TimelineHistories,
  type TimelineHistoryEntry,
} from '../../postgres/wal/timeline-history.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { describeVerdict, isBelieved } from '../encoding/signature-policy.ts';
import { historyKey, parseWalKey, timelinesPrefix, type SystemPath } from '../format/layout.ts';
import { judgeMetadata } from '../format/metadata-signature.ts';
import { decodeMetadata } from '../format/object-metadata.ts';
import type { Repository } from '../repository.ts';
import { hasBelievedWal } from './believed-wal.ts';
import { timelinesWithWal } from './listing.ts';
import { openWalObject } from './read-object.ts';

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

export interface ReadableTimelines {
  readonly tree: TimelineTree;
  /** When the history of each timeline in `tree` reached the store, by the store's clock. */
  readonly historyTimes: ReadonlyMap<number, Date>;
  /**
   * The timelines whose archived history cannot be read, each with what is wrong with it. They are in no other part: nobody
   * can follow them until it is repaired. Their numbers are taken all the same.
   */
  readonly unusable: ReadonlyMap<number, string>;
}

export interface ArchivedTimelines extends ReadableTimelines {
  /**
   * The timelines of histories that nobody trusted has signed, each with what is wrong, where no WAL of the timeline is
   * signed either: somebody may have planted them. They are in no other part, and stop nobody.
   */
  readonly foreign: ReadonlyMap<number, string>;
  /** The timelines in `tree` whose branch is not proven well enough for a removal. */
  readonly doubtful: ReadonlySet<number>;
}

/** Anybody may have planted thousands, and each costs a few requests. */
const historiesAtOnce = 16;

/** A part of an archive's histories, for readers that must not pay for all of them. */
export interface SomeTimelines {
  /** Only timelines above this one. */
  readonly above?: number | undefined;
  /** So many at most, the lowest ones. */
  readonly most?: number | undefined;
}

export async function readTimelines(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
  some: SomeTimelines = {},
): Promise<ArchivedTimelines> {
  const histories = await listHistories(repository, system, signal, some);
  let withWal: Promise<ReadonlySet<number>> | undefined;
  const isGenuine = async (timeline: number): Promise<boolean> => {
    withWal ??= timelinesWithWal(repository, system, signal);
    return (await withWal).has(timeline) && (await hasBelievedWal(repository, system, timeline, signal));
  };
  const read = await mapEach(histories, historiesAtOnce, history =>
    readHistory(repository, history, { isGenuine, signal }),
  );
  const tree = new Map<number, Branch>();
  const historyTimes = new Map<number, Date>();
  const unusable = new Map<number, string>();
  const foreign = new Map<number, string>();
  const doubtful = new Set<number>();
  for (const [index, { timeline, modified }] of histories.entries()) {
    const found = read[index];
    if (found === undefined) continue;
    if ('branch' in found) {
      tree.set(timeline, found.branch);
      historyTimes.set(timeline, modified);
      if (found.isDoubtful) doubtful.add(timeline);
    } else (found.isForeign ? foreign : unusable).set(timeline, found.problem);
  }
  return { tree, historyTimes, unusable, foreign, doubtful };
}

interface ListedHistory {
  readonly key: string;
  readonly timeline: number;
  readonly modified: Date;
}

async function listHistories(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
  { above, most = Infinity }: SomeTimelines,
): Promise<ListedHistory[]> {
  const histories: ListedHistory[] = [];
  const startAfter = above === undefined ? undefined : historyKey(system, above);
  for await (const entry of repository.store.list({ prefix: timelinesPrefix(system), startAfter, signal })) {
    if ('prefix' in entry) continue;
    const parsed = parseWalKey(entry.key);
    if (parsed?.kind !== 'file' || parsed.file.kind !== 'history') continue;
    if (histories.length === most) break;
    histories.push({ key: entry.key, timeline: parsed.file.timeline, modified: entry.modified });
  }
  return histories;
}

type ReadHistory =
  | { readonly branch: Branch; readonly isDoubtful: boolean }
  | { readonly problem: string; readonly isForeign: boolean };

/** `isGenuine` tells whether WAL of a timeline is believed. */
async function readHistory(
  repository: Repository,
  { key, timeline }: ListedHistory,
  { isGenuine, signal }: { isGenuine(timeline: number): Promise<boolean>; readonly signal: AbortSignal },
): Promise<ReadHistory> {
  const { policy, removalPolicy, keyring } = repository.codec;
  let verdict: SignatureVerdict = { status: 'unsigned' };
  try {
    const stat = await repository.store.head(key, { signal });
    if (stat !== undefined) verdict = await judgeMetadata(keyring, key, stat.metadata);
    // Metadata that names a parent that cannot be one was made by hand.
    const told = stat && decodeMetadata(stat.metadata)?.branch;
    const found =
      told !== undefined && told.parent < timeline && isBelieved(verdict, policy)
        ? { branch: told, verdict }
        : await branchFromContent(repository, { key, timeline, verdict }, signal);
    return { branch: found.branch, isDoubtful: !isBelieved(found.verdict, removalPolicy) };
  } catch (error) {
    // Without its metadata, a history of an encrypted archive needs a private key, which this host may lack.
    if (!(error instanceof WalvaultError) || !['damaged', 'key'].includes(error.code)) throw error;
    const isForeign = !isBelieved(verdict, policy) && !(await isGenuine(timeline));
    return { problem: isForeign ? describeVerdict(verdict) : error.message, isForeign };
  }
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

/** Collects the content of a history. @throws WalvaultError `damaged` for what is too large to be one */
export async function collectHistory(content: ByteStream, source: string): Promise<Buffer> {
  try {
    return await collect(content, objectBounds.history.limitBytes);
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    throw new WalvaultError('damaged', `${source}: too large for a timeline history`);
  }
}

async function branchFromContent(
  repository: Repository,
  told: { readonly key: string; readonly timeline: number; readonly verdict: SignatureVerdict },
  signal: AbortSignal,
): Promise<{ readonly branch: Branch; readonly verdict: SignatureVerdict }> {
  const { key, timeline } = told;
  let { verdict } = told;
  const { plain } = await openWalObject(repository, key, {
    ...objectBounds.history,
    signal,
    onVerdict: found => (verdict = found),
  });
  const source = `${repository.store.url}: ${key}`;
  const content = await collectHistory(plain, source);
  return { branch: branchInText(timeline, content.toString('utf8'), source), verdict };
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
