/** The choice of the repository to restore from. */
import { WalvaultError, type ErrorCode } from '../../base/errors/errors.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface RepositoryChoice {
  readonly repositories: readonly Repository[];
  /** Undefined: the first usable repository. */
  readonly repositoryName: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Errors after which the next repository is tried. `target` and `wal-missing` are not among them: a repository that
 * lacks one of two branches would silently choose the other, although that choice was refused.
 */
const passedOver: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unreachable',
  'denied',
  'not-a-repository',
  'not-found',
  'damaged',
  'cold-tier',
]);

/**
 * Tries the work with one repository after another until it succeeds.
 * @throws WalvaultError `usage` for an unknown name, else the error of the first repository
 */
export async function withUsableRepository<T>(
  choice: RepositoryChoice,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const { repositories, repositoryName, log, signal } = choice;
  const candidates =
    repositoryName === undefined ? repositories : repositories.filter(({ name }) => name === repositoryName);
  let failure: unknown;
  for (const [index, repository] of candidates.entries()) {
    try {
      await verifyMarker(repository, signal);
      return await work(repository);
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
      if (!(error instanceof WalvaultError) || !passedOver.has(error.code)) throw error;
      if (index < candidates.length - 1)
        log.emit({
          kind: 'repository-passed-over',
          repository: repository.name,
          failure: toPlainError(error),
        });
    }
  }
  throw (
    failure ??
    new WalvaultError('usage', `there is no repository "${repositoryName ?? ''}"`, {
      hint: `The configuration has ${repositories.map(({ name }) => `"${name}"`).join(', ')}.`,
    })
  );
}
