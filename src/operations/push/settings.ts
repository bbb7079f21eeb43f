/** The options of a push from the configuration, for push, `conflict keep` and the agent. */
import type { Config } from '../../config/index.ts';
import type { PushOptions } from './options.ts';

/** A push has at least this long for its own work, however long it waited for the agent. */
const leastTimeoutMs = 5000;

/** The rest of `archive.timeout` for a push that has waited `spentMs` for an attempt of the agent. */
export function timeoutLeft(timeoutMs: number, spentMs: number): number {
  return Math.max(timeoutMs - spentMs, Math.min(timeoutMs, leastTimeoutMs));
}

export function pushSettings(
  config: Config,
): Pick<PushOptions, 'cluster' | 'dataDirectory' | 'headerCheck' | 'timeoutMs' | 'queueLimitBytes'> {
  const { cluster, dataDirectory, archive } = config;
  const { headerCheck, timeoutMs, queueLimitBytes } = archive;
  return { cluster, dataDirectory, headerCheck, timeoutMs, queueLimitBytes };
}
