/** From the configuration to the options of the push operation: for push, `conflict keep` and the agent. */
import type { Config } from '../../config/index.ts';
import type { PushOptions } from './options.ts';

/** However long somebody else kept a push waiting, this much is left for doing it. */
const leastTimeoutMs = 5000;

/** Of `archive.timeout`, for a push that has spent some of it on waiting for an attempt of the agent's. */
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
