/** The job that pushes one WAL file into all repositories. */
import { PushMemory } from '../../operations/push/push-memory.ts';
import { push } from '../../operations/push/push.ts';
import { pushSettings, timeoutLeft } from '../../operations/push/settings.ts';
import type { Job, Workshop } from '../job.ts';

export interface Attempt {
  /** True: PostgreSQL waits for this file. Only such a file may be given up. */
  readonly isAsked: boolean;
  /** Part of `archive.timeout` that was spent waiting for an earlier attempt, which PostgreSQL had not asked for. */
  readonly spentMs: number;
}

export interface PushFile extends Attempt {
  readonly path: string;
}

export interface PushedFile {
  /** False only for a file that was given up under `archive.queue-limit`. */
  readonly isDurable: boolean;
  /** True: the file is in all repositories, and was in none before. */
  readonly isNew: boolean;
}

export async function openPushFile({
  config,
  isDirect,
  repositories,
}: Workshop): Promise<Job<PushFile, PushedFile>> {
  const opened = await repositories();
  const settings = {
    ...pushSettings(config),
    repositories: opened,
    memory: new PushMemory({ isForOneFile: isDirect, repositories: opened }),
  };
  return async ({ path, isAsked, spentMs }, context) => {
    const { givenUpIn, outcomes } = await push({
      ...settings,
      ...context,
      ...(!isAsked && { queueLimitBytes: undefined }),
      timeoutMs: timeoutLeft(settings.timeoutMs, spentMs),
      archiver: { spentMs },
      path,
    });
    const isDurable = givenUpIn === undefined;
    const found = [...outcomes.values()];
    return { isDurable, isNew: isDurable && found.length > 0 && found.every(each => each === 'created') };
  };
}
