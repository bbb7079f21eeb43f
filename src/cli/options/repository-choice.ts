/** The choice of repositories by the `--repository` option. */
import { WalvaultError } from '../../base/errors/errors.ts';

/** The named repository, or all. @throws WalvaultError `usage` for a name that is not configured */
export function chooseRepositories<Named extends { readonly name: string }>(
  repositories: readonly Named[],
  name: string | undefined,
): readonly Named[] {
  if (name === undefined) return repositories;
  const chosen = repositories.filter(repository => repository.name === name);
  if (chosen.length > 0) return chosen;
  throw new WalvaultError('usage', `no repository is named "${name}"`, {
    hint: `There is: ${repositories.map(repository => repository.name).join(', ')}.`,
  });
}

/** The named repository, or the only one. @throws WalvaultError `usage` */
export function chooseRepository<Named extends { readonly name: string }>(
  repositories: readonly Named[],
  name: string | undefined,
): Named {
  const [first, ...others] = chooseRepositories(repositories, name);
  if (first !== undefined && others.length === 0) return first;
  throw new WalvaultError('usage', 'several repositories are configured', {
    hint: `Choose one with --repository: ${repositories.map(repository => repository.name).join(', ')}.`,
  });
}

/** @throws WalvaultError `usage` for text that is not a system identifier */
export function parseSystemId(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  throw new WalvaultError('usage', `"${text}" is not a system identifier`, {
    hint: 'pg_controldata shows it, and `walvault list` those of the cluster.',
  });
}
