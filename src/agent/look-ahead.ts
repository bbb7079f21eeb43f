/** What to send next, from what PostgreSQL has marked as ready. Pure. */
import { parseWalFileName } from '../postgres/wal/file-name.ts';

export interface LookAheadState {
  /** Names with a `.ready` file, in any order. */
  readonly ready: readonly string[];
  /** Being sent. */
  readonly running: ReadonlySet<string>;
  /** Sent, and not asked for since. */
  readonly durable: ReadonlySet<string>;
  /** Failed when sent ahead: whoever asks for one gets a fresh attempt, nobody else does. */
  readonly failed: ReadonlySet<string>;
  /** Nothing is started before all that the archiver would take first is durable. */
  readonly isOneByOne: boolean;
  /** Of one file in memory. */
  readonly segmentSizeBytes: number;
  readonly jobs: number;
  /** As many at most once enough is ahead. */
  readonly jobsAtEase: number;
}

/**
 * Each question of the archiver's is a process, and it asks one after the other: with this much ahead of it, it is the
 * process that must not want for a processor.
 */
const enoughFiles = 8;

/** Plain bytes of all files in flight: with what they compress to at worst, twice this is in memory. */
const memoryBudgetBytes = 64 * 1024 ** 2;
/** Larger files are streamed (`inMemoryLimitBytes` of the repository) and weigh as much as their buffers. */
const heldWholeBytes = 32 * 1024 ** 2;
const streamedWeightBytes = 16 * 1024 ** 2;

/** How far ahead of the archiver: far enough that it never waits, near enough that nothing expires before it asks. */
export const windowFiles = 64;

/** Files to start now, first first. No segment goes ahead of a history that is not durable yet. */
export function chooseNext(state: LookAheadState): string[] {
  const next = chooseSideBySide(state);
  if (!state.isOneByOne) return next;
  const [first] = state.ready.filter(name => !state.durable.has(name)).sort(compareAsArchiver);
  return state.running.size === 0 && first !== undefined && next[0] === first ? [first] : [];
}

function chooseSideBySide(state: LookAheadState): string[] {
  const { running, durable, failed } = state;
  const isAtEase = state.ready.filter(name => durable.has(name)).length >= enoughFiles;
  const jobs = isAtEase ? Math.min(state.jobs, state.jobsAtEase) : state.jobs;
  const free = concurrentFiles(state.segmentSizeBytes, jobs) - running.size;
  const ahead = state.ready.filter(name => durable.has(name) || running.has(name)).length;
  const count = Math.min(free, windowFiles - ahead);
  if (count <= 0) return [];
  const waiting = state.ready
    .filter(name => !running.has(name) && !durable.has(name) && !failed.has(name))
    .sort(compareAsArchiver);
  const isHistoryMissing = state.ready.some(name => isHistory(name) && !durable.has(name));
  return (isHistoryMissing ? waiting.filter(isHistory) : waiting).slice(0, count);
}

/** As push counts it for `archive.queue-limit`: segments alone, those too that are durable and not asked for yet. */
export function backlogBytes(ready: readonly string[], segmentSizeBytes: number): number {
  return ready.filter(name => parseWalFileName(name)?.kind === 'segment').length * segmentSizeBytes;
}

function isHistory(name: string): boolean {
  return name.endsWith('.history');
}

/** Bounded by `archive.jobs` and by memory. */
export function concurrentFiles(segmentSizeBytes: number, jobs: number): number {
  const weightBytes = segmentSizeBytes > heldWholeBytes ? streamedWeightBytes : segmentSizeBytes;
  return Math.max(1, Math.min(jobs, Math.floor(memoryBudgetBytes / weightBytes)));
}

/** Histories first, then by name (pgarch.c, ready_file_comparator). */
export function compareAsArchiver(a: string, b: string): number {
  if (isHistory(a) !== isHistory(b)) return isHistory(a) ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Ready files that may count as archived without having been asked for: durable ones before which none is missing.
 * Whoever waits for a file to be archived relies on everything earlier being so too (pg_backup_stop does).
 */
export function leadingDurable(
  ready: readonly string[],
  durable: ReadonlySet<string>,
  asked: string,
): string[] {
  const leading: string[] = [];
  for (const name of ready.toSorted(compareAsArchiver)) {
    if (name === asked) continue;
    if (!durable.has(name)) break;
    leading.push(name);
  }
  return leading;
}
