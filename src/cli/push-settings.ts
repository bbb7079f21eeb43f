/** From the configuration to the options of the push operation: for push, `conflict keep` and the agent. */
import type { Config } from '../config/index.ts';
import type { PushOptions } from '../operations/push/push.ts';

export function pushSettings(
  config: Config,
): Pick<PushOptions, 'cluster' | 'dataDirectory' | 'headerCheck' | 'timeoutMs' | 'queueLimitBytes'> {
  const { cluster, dataDirectory, archive } = config;
  const { headerCheck, timeoutMs, queueLimitBytes } = archive;
  return { cluster, dataDirectory, headerCheck, timeoutMs, queueLimitBytes };
}
