/**
 * `init` for an existing configuration, in a file or in the environment alone: its repositories get their format
 * marker.
 */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Config, RepositoryConfig } from '../../config/index.ts';
import type { Log } from '../../observe/events/events.ts';

export interface MarkedRepository {
  readonly name: string;
  readonly url: string;
  readonly id: string;
  /** True if the configuration pins the repository's id. */
  readonly isPinned: boolean;
}

export interface MarkDependencies {
  /** Creates the format marker, or reads the existing one. */
  readonly markRepository: (
    repository: RepositoryConfig,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string }>;
  readonly readMarker: (
    repository: RepositoryConfig,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string } | undefined>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Creates missing markers and reads existing ones, so that a repetition changes nothing. Where the configuration pins
 * an id, no marker is created: a missing marker then means an unmounted disk or a wrong place, not a new repository.
 * @throws WalvaultError `not-a-repository` if a repository lacks its marker or has another id than the one configured
 */
export async function markConfigured(
  config: Config,
  dependencies: MarkDependencies,
): Promise<MarkedRepository[]> {
  const { markRepository, readMarker, log, signal } = dependencies;
  const marked: MarkedRepository[] = [];
  for (const repository of config.repositories) {
    const { name, url, id: expected } = repository;
    const marker =
      expected === undefined
        ? await markRepository(repository, signal)
        : await readMarker(repository, signal);
    if (expected !== undefined && marker?.id !== expected)
      throw new WalvaultError(
        'not-a-repository',
        `repository "${name}" has ${marker === undefined ? 'no marker' : `id ${marker.id}`}, the configuration expects id ${expected}`,
        {
          hint: 'Is its disk mounted? If it was replaced on purpose, take the id out of the configuration and run this again.',
        },
      );
    const id = marker?.id ?? '';
    log.emit({ kind: 'repository-ready', repository: name, url, id });
    marked.push({ name, url, id, isPinned: expected !== undefined });
  }
  return marked;
}
