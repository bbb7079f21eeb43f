/** The fixtures of the restore tests: an encrypted installation, backups into it, restores from it and their servers. */
import { chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { plainCopy } from '../copy-choices.ts';
import { silentLog } from '../logs.ts';
import type { Log } from '../../../src/observe/events/events.ts';
import { openRepositories } from '../../../src/compose/open-repositories.ts';
import { loadConfig, type Config } from '../../../src/config/index.ts';
import { Secret } from '../../../src/base/secret.ts';
import { backup } from '../../../src/operations/backup/backup.ts';
import { LocalPartWriter } from '../../../src/operations/backup/part/write-part.ts';
import type { RestoreOptions, RestoreResult } from '../../../src/operations/restore/options.ts';
import { restore } from '../../../src/operations/restore/restore.ts';
import { unpackPart } from '../../../src/operations/restore/unpack-part.ts';
import type { TimelineChoice } from '../../../src/operations/restore/request.ts';
import { parseTarget, type TargetOptions } from '../../../src/operations/restore/target.ts';
import type { BackupRecord } from '../../../src/repository/format/backup-record.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres-server.ts';
import type { Site } from './site.ts';
import { temporaryDirectory } from './temp.ts';
import { unprivilegedAccount } from './unprivileged.ts';
import { withoutPrivileges } from './without-privileges.ts';
import { walvaultExecutable } from './walvault.ts';

export const signal = new AbortController().signal;

/** As the server's user has it: root takes no secret from what that user may change. */
export async function configOf(site: Site): Promise<Config> {
  const loaded: Config[] = [];
  await withoutPrivileges(async () => {
    loaded.push((await loadConfig({ path: site.configPath, env: site.readerEnv })).config);
  });
  return loaded[0] as Config;
}

/** A full backup in small parts, taken in this process as the server's user. */
export function takeBackup(
  site: Site,
  server: PostgresServer,
  options: { readonly partSizeBytes?: number } = {},
): Promise<BackupRecord> {
  return asServerUser(site, silentLog, async (config, repositories) => {
    const { record } = await backup({
      config: {
        ...config,
        dataDirectory: undefined,
        backup: {
          ...config.backup,
          partSizeBytes: options.partSizeBytes ?? 4 * 1024 ** 2,
          fastCheckpoint: true,
        },
        postgres: {
          connection: new Secret(
            `host=${server.socketDirectory} port=${server.port} user=postgres dbname=postgres`,
          ),
          primaryConnection: undefined,
        },
      },
      repositories,
      writer: new LocalPartWriter(repositories),
      env: {},
      log: silentLog,
      signal,
    });
    return record;
  });
}

/** What is loaded when it is needed is loaded before: the server's user need not be allowed to read this checkout. */
async function asServerUser<T>(
  site: Site,
  log: Log,
  work: (config: Config, repositories: readonly Repository[]) => Promise<T>,
): Promise<T> {
  const config = await configOf(site);
  await using opened = await openRepositories(config, log);
  const results: T[] = [];
  await withoutPrivileges(async () => {
    results.push(await work(config, opened.repositories));
  });
  return results[0] as T;
}

export type RestoreChoice = TargetOptions & {
  readonly directory?: string;
  readonly backup?: string;
  readonly timeline?: TimelineChoice;
  readonly overrides?: Partial<RestoreOptions>;
  readonly log?: Log;
};

export function newDirectory(): string {
  return join(temporaryDirectory('restored'), 'data');
}

/** Restores in this process as the server's user, by the function that the command line calls. */
export function restoreFrom(site: Site, choice: RestoreChoice = {}): Promise<RestoreResult> {
  const log = choice.log ?? silentLog;
  const directory = choice.directory ?? newDirectory();
  const executable = walvaultExecutable();
  return asServerUser(site, log, async (config, repositories) => {
    const target = parseTarget(choice);
    return await restore({
      repositories,
      repositoryName: undefined,
      cluster: config.cluster,
      systemId: undefined,
      verifySignatures: config.signing.verify,
      directory,
      request: { target, backupId: choice.backup, timeline: choice.timeline },
      targetAction: target.kind === 'end' ? 'promote' : 'pause',
      ...plainCopy,
      accessMode: undefined,
      walDirectory: undefined,
      prefetchBytes: 0,
      tablespaceMap: [],
      acceptsRecordedLocations: false,
      walvaultCommand: [executable],
      configPath: site.configPath,
      dryRun: false,
      start: undefined,
      unpacker: { jobs: 2, unpack: unpackPart },
      thaw: undefined,
      replayHoldMs: 0,
      log,
      signal,
      ...choice.overrides,
    });
  });
}

/** A server on the restored directory, recovering; it is not waited for. */
export async function recover(site: Site, directory: string): Promise<PostgresServer> {
  const server = await startPostgres({ dataDirectory: directory, start: false, env: site.readerEnv });
  await server.start({ until: 'spawned' });
  return server;
}

/** An empty directory that belongs to the server's user. */
export function makeServerDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const account = unprivilegedAccount();
  if (account !== undefined) {
    chownSync(path, account.uid, account.gid);
    chownSync(dirname(path), account.uid, account.gid);
  }
  return path;
}
