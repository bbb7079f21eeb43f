/** Pushes one WAL file into all repositories. */
import { PushMemory } from '../../operations/push/push-memory.ts';
import { push } from '../../operations/push/push.ts';
import { pushSettings, timeoutLeft } from '../../operations/push/settings.ts';
import type { Job, Workshop } from '../job.ts';

export interface Attempt {
  /** PostgreSQL waits for this file: only then may it be given up. */
  readonly isAsked: boolean;
  /** Of `archive.timeout`, by waiting for an attempt that nobody had asked for. */
  readonly spentMs: number;
}

export interface PushFile extends Attempt {
  readonly path: string;
}

export interface PushedFile {
  /** False only where `archive.queue-limit` had this file given up. */
  readonly isDurable: boolean;
  /** It is in all of them, and none had it before. */
  readonly isNew: boolean;
}

export async function openPushFile({ config, repositories }: Workshop): Promise<Job<PushFile, PushedFile>> {
  const settings = {
    ...pushSettings(config),
    repositories: await repositories(),
    memory: new PushMemory(),
  };
  return async ({ path, isAsked, spentMs }, context) => {
    const { givenUpIn, outcomes } = await push({
      ...settings,
      ...context,
      ...(!isAsked && { queueLimitBytes: undefined }),
      timeoutMs: timeoutLeft(settings.timeoutMs, spentMs),
      path,
    });
    const isDurable = givenUpIn === undefined;
    const found = [...outcomes.values()];
    return { isDurable, isNew: isDurable && found.length > 0 && found.every(each => each === 'created') };
  };
}
