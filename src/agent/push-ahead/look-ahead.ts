/** Chooses the files to send next from those that PostgreSQL has marked as ready. Pure. */

export interface LookAheadState {
  /** Names of WAL files with a `.ready` file, in any order. */
  readonly ready: readonly string[];
  /** Files that are being sent. */
  readonly running: ReadonlySet<string>;
  /** Files that were sent and not asked for since. */
  readonly durable: ReadonlySet<string>;
  /** Files that failed when sent ahead. Each gets a fresh attempt when PostgreSQL asks for it, and none before. */
  readonly failed: ReadonlySet<string>;
  /** True: a file starts only when every file that the archiver takes before it is durable. */
  readonly isOneByOne: boolean;
  /** Size of one segment, which is held in memory. */
  readonly segmentSizeBytes: number;
  readonly jobs: number;
  /** Most files in flight once enough are ahead of the archiver. */
  readonly jobsAtEase: number;
}

/**
 * Files that are enough ahead of the archiver. Each of its questions is a process, one after the other, and that
 * process then needs a processor more than the files ahead.
 */
const enoughFiles = 8;

/** Plain bytes of all files in flight; with their compressed form, memory holds at most twice as much. */
const memoryBudgetBytes = 64 * 1024 ** 2;
/** Larger files are streamed (`inMemoryLimitBytes` of the repository) and weigh as much as their buffers. */
const heldWholeBytes = 32 * 1024 ** 2;
const streamedWeightBytes = 16 * 1024 ** 2;

/** Most files ahead of the archiver: it never waits for one, and none expires before it asks. */
export const windowFiles = 64;

/** Files to start now, in their order. No segment goes ahead of a history that is not durable yet. */
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

/**
 * The archiver's next `count` files, in one pass: there may be hundreds of thousands, and a question waits meanwhile.
 */
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

/** Length of a segment's name; no other WAL file's name has it. */
const segmentNameLength = 24;

/**
 * Bytes as push counts them for `archive.queue-limit`: ready segments, including durable ones that were not asked for
 * yet.
 */
export function backlogBytes(ready: readonly string[], segmentSizeBytes: number): number {
  return ready.filter(name => name.length === segmentNameLength).length * segmentSizeBytes;
}

function isHistory(name: string): boolean {
  return name.endsWith('.history');
}

/** Most files in flight, by `archive.jobs` and by memory. */
export function concurrentFiles(segmentSizeBytes: number, jobs: number): number {
  const weightBytes = segmentSizeBytes > heldWholeBytes ? streamedWeightBytes : segmentSizeBytes;
  return Math.max(1, Math.min(jobs, Math.floor(memoryBudgetBytes / weightBytes)));
}

/** The archiver's order: histories first, then by name (pgarch.c, ready_file_comparator). */
export function compareAsArchiver(a: string, b: string): number {
  if (isHistory(a) !== isHistory(b)) return isHistory(a) ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Ready files that may be marked as archived before PostgreSQL asks: durable ones before which no file is missing. A
 * process that waits for one file to be archived relies on all earlier ones, as pg_backup_stop does.
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
