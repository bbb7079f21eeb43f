/** Plans which segments to fetch ahead and which to drop. Pure. */

export interface PrefetchState {
  /** The segment that the recovery asks for now. The asking fetch gets it, unless it is here or on its way. */
  readonly asked: string;
  /** Segments that the recovery will ask for, nearest first, as far as they are worth fetching. */
  readonly upcoming: readonly string[];
  /** Segments fetched and not asked for yet. */
  readonly ready: ReadonlySet<string>;
  readonly running: ReadonlySet<string>;
  /** Segments that have arrived since the last failure to get one. */
  readonly inARow: number;
  readonly jobs: number;
}

export interface PrefetchPlan {
  readonly start: readonly string[];
  readonly discard: readonly string[];
}

/**
 * One request at first, and one more for each segment that arrives: the end of the archive, or an outage, then costs a
 * single request.
 */
export function planPrefetch({ asked, upcoming, ready, running, inARow, jobs }: PrefetchState): PrefetchPlan {
  const free = Math.max(0, Math.min(jobs, 1 + inARow) - running.size);
  const isWanted = new Set([asked, ...upcoming]);
  return {
    start: upcoming.filter(name => !ready.has(name) && !running.has(name)).slice(0, free),
    discard: [...ready].filter(name => !isWanted.has(name)),
  };
}
