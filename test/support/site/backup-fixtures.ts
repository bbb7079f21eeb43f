/** The fixtures of the backup tests: a server whose WAL really reaches a repository, and unpacking by hand. */
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLog, wordsInto } from '../logs.ts';
import type { Words } from '../../../src/observe/words/table.ts';
import type { Log } from '../../../src/observe/events/events.ts';
import { Secret } from '../../../src/base/secret.ts';
import { backup, type BackupOptions, type BackupResult } from '../../../src/operations/backup/backup.ts';
import { LocalPartWriter } from '../../../src/operations/backup/part/write-part.ts';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import { parseWalFileName } from '../../../src/postgres/wal/file-name.ts';
import { Codec } from '../../../src/repository/encoding/codec.ts';
import { Keyring, type KeySettings } from '../../../src/repository/encoding/keyring.ts';
import { backupPrefix, walKey, type SystemPath } from '../../../src/repository/format/layout.ts';
import { createMarker } from '../../../src/repository/format/marker.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { encodeWalObject, storeWalObject } from '../../../src/repository/wal/write-object.ts';
import { createFsStore } from '../../../src/stores/fs/store.ts';
import type { Store } from '../../../src/stores/store.ts';
import type { Gpg } from '../openpgp/gpg.ts';
import { startPostgres, type PostgresOptions, type PostgresServer } from '../servers/postgres-server.ts';
import { copyDirectory } from './copy-directory.ts';
import { bareEnvironment, runOk } from './run.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';

export const cluster = 'orders';
export const signal = new AbortController().signal;

const plainKeys: KeySettings = {
  mode: 'none',
  walRecipients: [],
  backupRecipients: [],
  passphrases: [],
  privateKeys: [],
  privateKeyPassphrases: [],
  signingKey: undefined,
  signingPassphrase: undefined,
  trustedSigners: [],
};

export interface RepositorySettings {
  readonly name?: string;
  readonly required?: boolean;
  readonly keys?: Partial<KeySettings>;
  readonly store?: Store;
}

/** A repository with its marker; in a directory of its own unless a store is given. */
export async function makeRepository(settings: RepositorySettings = {}): Promise<Repository> {
  const store = settings.store ?? createFsStore({ root: temporaryDirectory('repository') });
  await createMarker(store, signal);
  const codec = new Codec(
    new Keyring({ ...plainKeys, ...settings.keys }),
    { compressionLevel: 1, verifySignatures: 'off' },
    silentLog,
  );
  return {
    name: settings.name ?? 'main',
    required: settings.required ?? true,
    expectedId: undefined,
    store,
    codec,
  };
}

/** A server that archives into `inbox`, and a loop that pushes from there until it is stopped. */
export async function startArchivingServer(
  repositories: readonly Repository[],
  options: PostgresOptions = {},
): Promise<{ server: PostgresServer; system: SystemPath; stopArchiving: () => Promise<void> }> {
  const inbox = temporaryDirectory('inbox');
  const server = await startPostgres({
    ...options,
    conf: {
      archive_mode: 'on',
      archive_command: `'cp "%p" ${inbox}/%f.part && mv ${inbox}/%f.part ${inbox}/%f'`,
      ...options.conf,
    },
  });
  const { systemId } = await readControlFile(server.dataDirectory);
  const system = { cluster, systemId };
  const stopArchiving = pushFrom(inbox, repositories, system);
  return { server, system, stopArchiving };
}

function pushFrom(
  inbox: string,
  repositories: readonly Repository[],
  system: SystemPath,
): () => Promise<void> {
  const stop = new AbortController();
  const loop = (async () => {
    while (!stop.signal.aborted) {
      const names = readdirSync(inbox).filter(name => parseWalFileName(name) !== undefined);
      for (const name of names.sort()) await pushOne(join(inbox, name), name, repositories, system);
      await delay(20);
    }
  })();
  loop.catch(() => undefined);
  return async () => {
    stop.abort();
    await loop;
  };
}

async function pushOne(
  path: string,
  name: string,
  repositories: readonly Repository[],
  system: SystemPath,
): Promise<void> {
  const data = readFileSync(path);
  const file = parseWalFileName(name);
  if (file === undefined) return;
  const sha256 = createHash('sha256').update(data).digest('hex');
  const plain = { sizeBytes: data.length, sha256, content: data };
  for (const repository of repositories) {
    const object = await encodeWalObject(repository.codec, { system, file, plain });
    await storeWalObject(repository, object, signal);
  }
  rmSync(path);
}

export interface BackupRunOptions {
  /** Default `postgres`. */
  readonly user?: string;
  readonly partSizeBytes?: number;
  readonly walTimeoutMs?: number;
  readonly dataDirectory?: string;
  readonly named?: readonly string[];
  readonly label?: string;
  /** The primary of a standby, if the backup may tell it to end segments. */
  readonly primary?: PostgresServer;
  readonly log?: Log;
  readonly signal?: AbortSignal;
}

export function runBackup(
  server: PostgresServer,
  repositories: readonly Repository[],
  options: BackupRunOptions = {},
): Promise<BackupResult> {
  const settings: BackupOptions = {
    config: {
      cluster,
      dataDirectory: options.dataDirectory,
      backup: {
        partSizeBytes: options.partSizeBytes ?? 4 * 1024 ** 2,
        walTimeoutMs: options.walTimeoutMs ?? 20_000,
        jobs: undefined,
        bytesPerSecond: undefined,
        lowPriority: false,
        manifestChecksums: 'crc32c',
        checkPages: true,
        nameMap: true,
        fastCheckpoint: true,
        type: 'full',
        fullEveryMs: 7 * 86_400_000,
        differentialEveryMs: 86_400_000,
        mostChangedShare: 0.5,
        walSummaries: 'auto',
        auditEveryMs: 7 * 24 * 3_600_000,
      },
      postgres: {
        connection: connectionTo(server, options.user),
        primaryConnection: options.primary && connectionTo(options.primary, options.user),
      },
    },
    repositories,
    writer: new LocalPartWriter(repositories),
    named: options.named,
    label: options.label,
    env: {},
    log: options.log ?? silentLog,
    signal: options.signal ?? signal,
  };
  return backup(settings);
}

/** The connection string of a server, for the configuration. */
export function connectionTo({ socketDirectory, port }: PostgresServer, user = 'postgres'): Secret {
  return new Secret(`host=${socketDirectory} port=${port} user=${user} dbname=postgres`);
}

export function recordingLog(): Log & { readonly events: Words[] } {
  const events: Words[] = [];
  return { events, ...wordsInto(events) };
}

export async function listKeys(store: Store, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.list({ prefix, signal })) if (!('prefix' in entry)) keys.push(entry.key);
  return keys;
}

/**
 * Unpacks parts and WAL with gpg, zstd and tar alone, as docs/recover-without-walvault.md says, into a new directory.
 * The repository must be a directory.
 */
export async function unpackByHand(
  repository: Repository,
  system: SystemPath,
  options: { readonly id: string; readonly gpg?: Gpg },
): Promise<string> {
  // A copy: archiving goes on meanwhile, as whoever runs the test.
  const root = join(temporaryDirectory('copy'), 'repository');
  cpSync(repository.store.url.replace(/^file:\/\//, ''), root, {
    recursive: true,
    filter: path => !basename(path).startsWith('.'),
  });
  giveToUnprivileged(root);
  const target = join(temporaryDirectory('by-hand'), 'data');
  mkdirSync(target, { mode: 0o700 });
  giveToUnprivileged(target);
  const decrypt =
    options.gpg === undefined
      ? 'cat'
      : 'gpg --batch --quiet --no-tty --pinentry-mode loopback --trust-model always -d';
  const script = `
    set -eu -o pipefail
    cd "${target}"
    trap 'echo "at \${part:-} \${segment:-}" >&2' ERR
    for part in "${root}/${backupPrefix(system, options.id)}"parts/*.tar.*; do
      case "$part" in *.meta) continue;; esac
      ${decrypt} < "$part" | zstd -dq | tar x
    done
    mkdir -p pg_wal
    for segment in "${root}/${system.cluster}/${system.systemId}"/wal/*/*/* "${root}/${system.cluster}/${system.systemId}"/timelines/*; do
      case "$segment" in *.meta|*'*') continue;; esac
      ${decrypt} < "$segment" | zstd -dq > pg_wal/"$(basename "$segment")"
    done`;
  const scriptPath = join(temporaryDirectory('script'), 'unpack.sh');
  writeFileSync(scriptPath, script, { mode: 0o755 });
  giveToUnprivileged(join(scriptPath, '..'));
  await runOk('bash', [scriptPath], {
    env: { ...bareEnvironment, ...(options.gpg && { GNUPGHOME: options.gpg.home }) },
  });
  chmodSync(target, 0o700);
  return target;
}

/** A server on what was unpacked: recovers from `pg_wal` alone and archives nothing. */
export async function startUnpacked(dataDirectory: string, binDir: string): Promise<PostgresServer> {
  return startPostgres({ dataDirectory, binDir, conf: { archive_mode: 'off', archive_command: "''" } });
}

/** Waits until `check` holds. */
export async function until(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const giveUpAt = performance.now() + 60_000;
  while (!(await check())) {
    if (performance.now() > giveUpAt) throw new Error(`still not so after a minute: ${what}`);
    await delay(20);
  }
}

/** Until the last finished segment lies in the repository. */
export async function switchAndArchive(
  server: PostgresServer,
  repository: Repository,
  system: SystemPath,
): Promise<void> {
  await server.query("select pg_create_restore_point('switch')");
  const [row] = await server.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
  const file = parseWalFileName(row?.name ?? '');
  if (file === undefined) throw new Error('the server named no segment');
  const isThere = async () => (await repository.store.head(walKey(system, file), { signal })) !== undefined;
  await until(isThere, `${file.name} archived`);
}

/** A standby on a copy of a stopped server, which streams from `upstream`: that server unless another one is named. */
export async function makeStandby(origin: PostgresServer, upstream = origin): Promise<PostgresServer> {
  const dataDirectory = join(temporaryDirectory('standby'), 'data');
  copyDirectory(origin.dataDirectory, dataDirectory);
  writeFileSync(join(dataDirectory, 'standby.signal'), '');
  giveToUnprivileged(dataDirectory);
  return startPostgres({
    dataDirectory,
    start: false,
    conf: {
      primary_conninfo: `'host=${upstream.socketDirectory} port=${upstream.port} user=postgres'`,
      archive_mode: 'on',
    },
  });
}

/** An idle primary ends its segment only when it is told to, and a backup of its standby waits for that. */
export async function switchNowAndThen(primary: PostgresServer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await primary.query("select pg_create_restore_point('more')");
    await primary.query('select pg_switch_wal()');
    await delay(300);
  }
}
