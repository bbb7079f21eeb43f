/**
 * The check that the file which the server archived last is in the repositories. A repository that was rolled back to an
 * older state, or that lost its newest objects, looks whole in itself until the next segment shows a gap.
 */
import { readArchiver } from '../../postgres/server/archiver.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import { readClusterRecord } from '../../repository/format/cluster-record.ts';
import { walKey } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { isBelievedWal } from '../../repository/wal/believed-wal.ts';
import type { CheckedServer } from './check-postgres.ts';
import { failure, ok, warning, type Checklist, type Finding } from './checklist.ts';
import type { CheckOptions } from './options.ts';

const link = 'archiving';

export interface LastArchivedCheck {
  readonly options: CheckOptions;
  readonly server: CheckedServer;
  /** The repositories that are reachable. */
  readonly usable: readonly Repository[];
}

/** Adds no line if the server has archived nothing since its statistics began, or a repository has nothing of it yet. */
export async function checkLastArchived(
  list: Checklist,
  { options, server, usable }: LastArchivedCheck,
): Promise<void> {
  const { config, signal } = options;
  await list.prove(link, 'the file that was archived last', {
    signal,
    async work() {
      const { lastArchivedWal } = await readArchiver(server.connection);
      const file = lastArchivedWal === undefined ? undefined : parseWalFileName(lastArchivedWal);
      // The key of a partial segment holds its digest, which the server does not know.
      if (file === undefined || file.kind === 'partial') return [];
      const system = { cluster: config.cluster, systemId: server.state.systemId };
      const key = walKey(system, file);
      const findings: Finding[] = [];
      for (const repository of usable) {
        const { store, name } = repository;
        const isThere = (await store.head(key, { signal })) !== undefined;
        if (isThere && (await isBelievedWal(repository, key, signal)))
          findings.push(ok(`${file.name}, archived last, is in repository "${name}"`));
        else if ((await readClusterRecord(store, system, signal)) !== undefined)
          findings.push(missing(file.name, repository, config.archive.queueLimitBytes !== undefined));
      }
      return findings;
    },
  });
}

function missing(file: string, { name, required }: Repository, canBeGivenUp: boolean): Finding {
  const message = `the server counts ${file} as archived, and repository "${name}" does not have it`;
  const hint = `The repository was rolled back to an older state, or its newest objects were removed${canBeGivenUp ? ', or the segment was given up (archive.queue-limit)' : ''}. \`walvault push --missing\` sends what is still in pg_wal; then take a backup.`;
  return required && !canBeGivenUp ? failure(message, hint) : warning(message, hint);
}
