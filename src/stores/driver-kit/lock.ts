/** Retentions that forbid a deletion: a service refuses as for a missing permission, and tells the lock only when asked. */
import { StoreError } from '../store.ts';

export interface Lock {
  readonly until?: Date | undefined;
  /** In the service's own words. */
  readonly mode?: string | undefined;
  readonly isLegalHold?: boolean | undefined;
}

/** The refusal of a deletion, with its lock as the reason. If `ask` fails or finds no lock, the refusal is unchanged. */
export async function withLock(
  key: string,
  refusal: StoreError,
  ask: () => Promise<Lock>,
): Promise<StoreError> {
  let lock: Lock;
  try {
    lock = await ask();
  } catch (error) {
    if (error instanceof StoreError) return refusal;
    throw error;
  }
  const { until, mode = 'unknown', isLegalHold } = lock;
  if (isLegalHold === true)
    return new StoreError('denied', `delete ${key}: under a legal hold`, { cause: refusal });
  if (until === undefined || until.getTime() < Date.now()) return refusal;
  return new StoreError(
    'denied',
    `delete ${key}: locked until ${until.toISOString()} (${mode.toLowerCase()})`,
    { cause: refusal, lockedUntil: until },
  );
}
