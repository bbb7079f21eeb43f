/** How many threads a configuration gets, and how they call the file system. Pure. */
import type { Config } from '../config/index.ts';

export interface ThreadPlan {
  readonly threads: number;
  /** True: each thread does one job at a time, from its first file call to the last, and makes the calls itself. */
  readonly isDirect: boolean;
}

/** One thread more than processors where threads wait for the disk themselves: while one waits, the others work. */
export function planThreads(config: Config, processors: number): ThreadPlan {
  const isDirect = callsDirectly(config);
  const jobs = Math.max(config.archive.jobs, config.fetch.jobs);
  return { threads: Math.min(jobs, isDirect ? processors + 1 : processors), isDirect };
}

/**
 * A thread that makes its file calls itself cannot notice that one hangs. That is good enough where nothing could be
 * done about it: no other repository is there to go on with, and no limit on the queue asks for the proof of an outage.
 */
function callsDirectly({ repositories, archive }: Pick<Config, 'repositories' | 'archive'>): boolean {
  const [only, ...others] = repositories;
  const isAlone = only !== undefined && others.length === 0 && only.required;
  return isAlone && only.url.startsWith('file:') && archive.queueLimitBytes === undefined;
}
