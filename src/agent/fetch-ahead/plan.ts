/** Which segments to fetch ahead, and which to drop. Pure. */

export interface PrefetchState {
  /** What it asks for now: whoever asked fetches it, unless it is here or on its way. */
  readonly asked: string;
  /** What the recovery will ask for, nearest first, as far as it is worth fetching. */
  readonly upcoming: readonly string[];
  /** Fetched and not asked for yet. */
  readonly ready: ReadonlySet<string>;
  readonly running: ReadonlySet<string>;
  /** Segments that came since the last one that did not. */
  readonly inARow: number;
  readonly jobs: number;
}

export interface PrefetchPlan {
  readonly start: readonly string[];
  readonly discard: readonly string[];
}

/**
 * One at a time at first, one more with each that comes: where the archive ends, or does not answer, that is found out by
 * a single request.
 */
export function planPrefetch({ asked, upcoming, ready, running, inARow, jobs }: PrefetchState): PrefetchPlan {
  const free = Math.max(0, Math.min(jobs, 1 + inARow) - running.size);
  const isWanted = new Set([asked, ...upcoming]);
  return {
    start: upcoming.filter(name => !ready.has(name) && !running.has(name)).slice(0, free),
    discard: [...ready].filter(name => !isWanted.has(name)),
  };
}
