/** The servers whose WAL summaries are trusted. Pure. */

export interface SummarizingServer {
  /** server_version_num: 170010. */
  readonly serverVersion: number;
  /** The setting `summarize_wal`. */
  readonly summarizesWal: boolean;
}

interface LeastMinors {
  /** For WAL of one timeline. */
  readonly always: number;
  /** For WAL with a promotion in it. */
  readonly acrossTimelines: number;
}

/**
 * `always` is the oldest minor version that walvault was tried with. `acrossTimelines` is the first release after the
 * corrections that are on PostgreSQL's stable branches since October 2026: "Fix WAL summary boundary checks for incremental
 * backups" (ec756e5913b on 17, 5787f8785cb on 18) and "Reject incremental backups based on a backup from a divergent
 * history" (ecb43083fe3, 2afbad0cedf). 17.11 and 18.6 were released in August 2026, and there was no 18.5, so no release
 * before 17.12 and 18.7 can have them. 17.11 and 18.6 are the first with "Prevent walsummarizer from getting stuck at a
 * timeline switch" (499d9eabb56 on 17). walvault selects summaries by the corrected rules itself, so this asks for more than
 * these rules need.
 *
 * A major version that is not here was not tried.
 */
export const leastMinors: ReadonlyMap<number, LeastMinors> = new Map([
  [17, { always: 10, acrossTimelines: 12 }],
  [18, { always: 4, acrossTimelines: 7 }],
]);

/** PostgreSQL 17, as server_version_num has it. */
export const firstWithSummaries = 170_000;

/**
 * Why the summaries are not to be used, in words that follow "WAL summaries are not used: "; undefined if they are.
 * @param options.isAcrossTimelines the server was promoted in the WAL that matters
 */
export function distrustOf(
  { serverVersion, summarizesWal }: SummarizingServer,
  { isAcrossTimelines }: { readonly isAcrossTimelines: boolean },
): string | undefined {
  if (serverVersion < firstWithSummaries) return 'PostgreSQL has them from version 17 on';
  const [major, minor] = [Math.floor(serverVersion / 10_000), serverVersion % 10_000];
  const least = leastMinors.get(major);
  if (least === undefined) return `those of PostgreSQL ${major} were not tried with this version of walvault`;
  if (minor < least.always) return `${major}.${minor} is before ${major}.${least.always}`;
  if (!summarizesWal) return 'summarize_wal is off';
  if (isAcrossTimelines && minor < least.acrossTimelines)
    return `the server was promoted since then, and ${major}.${minor} is before ${major}.${least.acrossTimelines}`;
  return undefined;
}
