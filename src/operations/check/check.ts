/**
 * `walvault check`: proves each link of the chain from a committed row to an object that can be opened. It goes on
 * after a failure: one run shows all that is wrong.
 */
import type { Secret } from '../../base/secret.ts';
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config/index.ts';
import type { Repository } from '../../repository/repository.ts';
import { Checklist, skipped, type CheckLine } from './checklist.ts';
import { checkArchiving } from './check-archiving.ts';
import { checkConfiguration } from './check-configuration.ts';
import { checkKeys } from './check-keys.ts';
import { checkOpening } from './check-opening.ts';
import { checkLostWal } from './check-lost-wal.ts';
import { checkPostgres } from './check-postgres.ts';
import { checkStore } from './check-store.ts';
import { readerCodec } from './reader-codec.ts';

export interface CheckOptions {
  readonly config: Config;
  /** Undefined when the environment alone made the configuration. */
  readonly configPath: string | undefined;
  readonly repositories: readonly Repository[];
  /** A private key that is not in the configuration: proves that it opens what is written. */
  readonly privateKey?: { readonly path: string; readonly passphrase: Secret | undefined } | undefined;
  readonly withPostgres: boolean;
  /** How long the switched segment may take to arrive. */
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly now: Date;
  /** Each line as soon as it is known. */
  readonly onLine: (line: CheckLine) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export async function check(options: CheckOptions): Promise<readonly CheckLine[]> {
  const { config, repositories, signal } = options;
  const list = new Checklist(options.onLine);
  checkConfiguration(list, options);
  await checkKeys(list, options);
  const reader = readerCodec(options);
  const usable: Repository[] = [];
  for (const repository of repositories) {
    if (!(await checkStore(list, repository, { cluster: config.cluster, signal }))) continue;
    usable.push(repository);
    await checkOpening(list, { repository, reader, options });
  }
  if (!options.withPostgres) {
    await checkLostWal(list, { options, usable, dataDirectory: config.dataDirectory });
    list.add('postgresql', skipped('left out by --no-postgres: settings and archiving were not looked at'));
    return list.lines;
  }
  const server = await checkPostgres(list, options);
  await checkLostWal(list, { options, usable, dataDirectory: server?.dataDirectory ?? config.dataDirectory });
  if (server === undefined) return list.lines;
  try {
    await checkArchiving(list, { server, reader, options });
  } finally {
    await server.connection.close();
  }
  return list.lines;
}
