/**
 * `walvault check`: proves each link of the chain from a committed row to an object that can be opened. It goes on
 * after a failure, so that one run shows all faults.
 */
import type { Repository } from '../../repository/repository.ts';
import { Checklist, skipped, type CheckLine } from './checklist.ts';
import { checkArchiving } from './check-archiving.ts';
import { checkConfiguration } from './check-configuration.ts';
import { checkKeys } from './check-keys.ts';
import { checkOpening } from './check-opening.ts';
import { checkLastArchived } from './check-last-archived.ts';
import { checkLostWal } from './check-lost-wal.ts';
import { checkPresence } from './check-presence.ts';
import { checkPostgres } from './check-postgres.ts';
import { checkSecretFiles } from './check-secret-files.ts';
import { checkStore } from './check-store.ts';
import { checkTimelines } from './check-timelines.ts';
import type { CheckOptions } from './options.ts';
import { readerCodec } from './reader-codec.ts';

export async function check(options: CheckOptions): Promise<readonly CheckLine[]> {
  const { config, repositories, signal } = options;
  const list = new Checklist(options.onLine);
  checkConfiguration(list, options);
  await checkKeys(list, options);
  await checkSecretFiles(list, options);
  const reader = readerCodec(options);
  const usable: Repository[] = [];
  for (const repository of repositories) {
    if (!(await checkStore(list, repository, { cluster: config.cluster, signal }))) continue;
    usable.push(repository);
    await checkOpening(list, { repository, reader, options });
    await checkTimelines(list, repository, { cluster: config.cluster, signal });
  }
  await checkPresence(list, { options, usable });
  if (!options.withPostgres) {
    await checkLostWal(list, { options, usable, dataDirectory: config.dataDirectory });
    list.add('postgresql', skipped('left out by --no-postgres: settings and archiving were not looked at'));
    return list.lines;
  }
  const server = await checkPostgres(list, options);
  await checkLostWal(list, { options, usable, dataDirectory: server?.dataDirectory ?? config.dataDirectory });
  if (server === undefined) return list.lines;
  try {
    await checkLastArchived(list, { options, server, usable });
    await checkArchiving(list, { server, reader, options });
  } finally {
    await server.connection.close();
  }
  return list.lines;
}
