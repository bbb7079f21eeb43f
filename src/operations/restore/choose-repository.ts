/** Which repository to restore from. */
import { messageOf, WalvaultError } from '../../base/errors.ts';
import { warn, type Log } from '../../base/log.ts';
import { verifyMarker } from '../../repository/marker.ts';
import type { Repository } from '../../repository/repository.ts';

export interface RepositoryChoice {
  readonly repositories: readonly Repository[];
  /** Undefined: the first that proves to be there. */
  readonly repositoryName: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @throws WalvaultError `usage` for an unknown name, else what the last repository answered */
export async function chooseRepository(choice: RepositoryChoice): Promise<Repository> {
  const { repositories, repositoryName, log, signal } = choice;
  const candidates =
    repositoryName === undefined ? repositories : repositories.filter(({ name }) => name === repositoryName);
  let failure: unknown = new WalvaultError('usage', `there is no repository "${repositoryName ?? ''}"`, {
    hint: `The configuration has ${repositories.map(({ name }) => `"${name}"`).join(', ')}.`,
  });
  for (const [index, repository] of candidates.entries()) {
    try {
      await verifyMarker(repository, signal);
      return repository;
    } catch (error) {
      failure = error;
      if (!(error instanceof WalvaultError) || index === candidates.length - 1) break;
      warn(log, `repository "${repository.name}" is passed over: ${messageOf(error)}`);
    }
  }
  throw failure;
}
