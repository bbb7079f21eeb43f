/** What to send next, from what PostgreSQL has marked as ready. Pure. */

export interface LookAheadState {
  /** Names of WAL files with a `.ready` file, in any order. */
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
  const [first] = firstOf(1, missing(state));
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
  const absent = missing(state);
  const waiting = absent.filter(name => !running.has(name) && !failed.has(name));
  return firstOf(count, absent.some(isHistory) ? waiting.filter(isHistory) : waiting);
}

function missing({ ready, durable }: Pick<LookAheadState, 'ready' | 'durable'>): string[] {
  return ready.filter(name => !durable.has(name));
}

/** As many of the archiver's next. In one pass: there may be hundreds of thousands, and whoever asks waits meanwhile. */
function firstOf(count: number, names: readonly string[]): string[] {
  const first: string[] = [];
  for (const name of names) {
    const last = first[count - 1];
    if (last !== undefined && compareAsArchiver(name, last) > 0) continue;
    const place = first.findLastIndex(other => compareAsArchiver(other, name) < 0) + 1;
    first.splice(place, 0, name);
    first.length = Math.min(first.length, count);
  }
  return first;
}

/** No other WAL file has a name of this length. */
const segmentNameLength = 24;

/** As push counts it for `archive.queue-limit`: segments alone, those too that are durable and not asked for yet. */
export function backlogBytes(ready: readonly string[], segmentSizeBytes: number): number {
  return ready.filter(name => name.length === segmentNameLength).length * segmentSizeBytes;
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
  const others = ready.filter(name => name !== asked);
  const [gap] = firstOf(1, missing({ ready: others, durable }));
  return others
    .filter(name => durable.has(name) && (gap === undefined || compareAsArchiver(name, gap) < 0))
    .sort(compareAsArchiver);
}
