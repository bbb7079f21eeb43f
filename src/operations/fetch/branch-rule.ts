/**
 * The rule of branches: a recovery gets no segment of a parent timeline past the switchpoint (P3). PostgreSQL asks for a
 * segment on the followed timeline first and, when it is absent there, on each parent without an upper bound
 * (XLogFileReadAnyTLI in xlogrecovery.c).
 */
import { dirname } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import { historyFileName, parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import type { Branch } from './branch.ts';
import { keyOf } from './delivery.ts';
import type { FetchOptions } from './options.ts';
import { followedBranch } from './followed.ts';
import { GapError } from './gap-error.ts';
import { hasLocalSegment } from './local-segment.ts';
import { judgeBranch, timelineOfSegment } from './plan.ts';

type Segment = WalFileName & { kind: 'segment' };

/** A segment archived this long ago was in the archive when PostgreSQL asked for it, a moment before. */
const settledMs = 5 * 60_000;

/**
 * Whether fetch may deliver this segment. False: only WAL of the followed timeline may come next, so fetch reports
 * "absent".
 * @throws GapError when the followed timeline's own copy is missing
 * @throws WalvaultError `refused` when "absent" would end a point-in-time recovery early, or on the wrong branch
 */
export async function mayServe(options: FetchOptions, file: Segment): Promise<boolean> {
  const { geometry, mode } = options;
  const clues = {
    ...options,
    walDirectory: dirname(options.destination),
    systemId: options.system.systemId,
  };
  const branch = await followedBranch(options, clues, file);
  const verdict = judgeBranch(file, branch, geometry);
  if (verdict === 'on-branch' || branch === undefined) return true;
  const number = geometry.positionOf(file).segment;
  const own = geometry.nameOf(timelineOfSegment(number, branch, geometry), number);
  if (!branch.isCertain && (await isLeftAside(options, file, own, verdict))) return true;
  const mustNotEnd = mode === 'point-in-time';
  if (mustNotEnd && options.timeline === file.timeline) throw wrongTimelineTold(file, branch);
  const isLocal = hasLocalSegment(clues.walDirectory, file.name, clues);
  if (mustNotEnd && isLocal) throw wouldBeReplayed(file, branch);
  // A standby that streamed the segment has it up to the point where its primary died.
  if (verdict === 'holds-switchpoint' && !isLocal && (await archivedSince(options, own)) === undefined)
    throw withoutOwnCopy(file, branch, own);
  if (mustNotEnd && (!branch.isCertain || verdict === 'holds-switchpoint')) throw undecided(file, branch);
  if (!branch.isCertain)
    options.log.emit({
      kind: 'file-not-served',
      file: file.name,
      problem: mayFollow(branch),
      hint: whichTimeline,
    });
  return false;
}

/**
 * True if the recovery does not follow the branch: it would have received the branch's own copy and not asked for this
 * segment. Also true if no repository has this segment: then there is nothing to decide.
 */
async function isLeftAside(
  options: FetchOptions,
  file: Segment,
  own: string,
  verdict: 'past-switchpoint' | 'holds-switchpoint',
): Promise<boolean> {
  const since = await archivedSince(options, own);
  if (since !== undefined && Date.now() - since > settledMs) return true;
  return verdict === 'past-switchpoint' && (await archivedSince(options, file.name)) === undefined;
}

/** When the file reached the store, in milliseconds of the epoch by the store's clock; undefined if no store has it. */
async function archivedSince(options: FetchOptions, name: string): Promise<number | undefined> {
  const file = parseWalFileName(name);
  if (file === undefined) return undefined;
  for (const { store, required } of options.repositories) {
    try {
      const stat = await store.head(keyOf(options, file), { signal: options.signal });
      if (stat !== undefined) return stat.modified.getTime();
    } catch (error) {
      if (required) throw error;
    }
  }
  return undefined;
}

function withoutOwnCopy(file: Segment, { timeline }: Branch, own: string): GapError {
  return new GapError(
    'wal-missing',
    `${file.name} holds the end of timeline ${file.timeline} and more; the recovery follows timeline ${timeline}, whose own copy ${own} is not archived`,
    {
      hint: `Archive ${own} (\`walvault push --missing\` on the server that has it), or restore with --target-timeline ${file.timeline}.`,
      retry: true,
    },
  );
}

function wouldBeReplayed(file: Segment, { timeline }: Branch): WalvaultError {
  return new WalvaultError(
    'refused',
    `${file.name} lies in pg_wal, and PostgreSQL would replay it past the point where timeline ${timeline} left timeline ${file.timeline}`,
    {
      hint: `Move it out of pg_wal to follow timeline ${timeline}, or set recovery_target_timeline = '${file.timeline}'.`,
    },
  );
}

function wrongTimelineTold(file: Segment, { timeline }: Branch): WalvaultError {
  return new WalvaultError(
    'refused',
    `${file.name} is past the point where the recovery went on to timeline ${timeline}, but restore_command has --timeline ${file.timeline}`,
    { hint: `Remove --timeline ${file.timeline} from restore_command: it is from an earlier recovery.` },
  );
}

function undecided(file: Segment, branch: Branch): WalvaultError {
  return new WalvaultError(
    'refused',
    `PostgreSQL asks for ${file.name}, but ${mayFollow(branch)}, which left timeline ${file.timeline} before its end`,
    { hint: whichTimeline },
  );
}

function mayFollow({ timeline, isCertain }: Branch): string {
  return isCertain
    ? `the recovery is to follow timeline ${timeline}`
    : `by ${historyFileName(timeline)} in pg_wal the recovery may follow timeline ${timeline}`;
}

const whichTimeline =
  'Set recovery_target_timeline to the number of the timeline that the recovery shall follow, and give restore_command the same --timeline.';
