/** What a best-effort repository may do in a fetch: fail, with a warning. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import type { Log } from '../../observe/events/events.ts';
import type { Repository } from '../../repository/repository.ts';

/** Undefined, with a warning, for a best-effort repository that fails. */
export async function unlessBestEffort<T>(
  repository: Repository,
  { log }: { readonly log: Log },
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (repository.required || !(error instanceof WalvaultError)) throw error;
    log.emit({ kind: 'best-effort-failed', repository: repository.name, failure: toPlainError(error) });
    return undefined;
  }
}
