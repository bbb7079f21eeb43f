/** The plan by which a large listing of WAL is made in parts, side by side. Pure. */

/** The directory of one log, 4 GiB of a timeline's WAL. */
export interface LogDirectory {
  readonly timeline: number;
  readonly log: number;
}

/** A part with fewer pages than this is not worth the page that each part reads in vain. */
const leastPages = 2;
export const keysInPage = 1000;

/**
 * Where the parts of a listing begin, but the first one: the directories that divide `logs`, which are in the order of
 * their keys, into parts of the same number. `segmentsPerLog` tells how many pages there may be.
 */
export function planShards(
  logs: readonly LogDirectory[],
  { segmentsPerLog, atOnce }: { readonly segmentsPerLog: number; readonly atOnce: number },
): LogDirectory[] {
  const pages = (logs.length * segmentsPerLog) / keysInPage;
  const parts = Math.min(atOnce, logs.length, Math.floor(pages / leastPages));
  const starts: LogDirectory[] = [];
  for (let part = 1; part < parts; part++) {
    const start = logs[Math.round((part * logs.length) / parts)];
    if (start !== undefined) starts.push(start);
  }
  return starts;
}
