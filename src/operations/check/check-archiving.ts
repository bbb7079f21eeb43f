/** The check of the whole chain: the server ends a segment and archives it; it arrives and can be opened. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../base/time/wait.ts';
import { systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { formatDuration } from '../../base/units.ts';
import { readArchiver } from '../../postgres/server/archiver.ts';
import { switchWal } from '../../postgres/server/state.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import type { Codec } from '../../repository/encoding/codec.ts';
import { walKey } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { openWalObject } from '../../repository/wal/read-object.ts';
import { withPrimary } from '../primary-session.ts';
import type { CheckOptions } from './options.ts';
import type { CheckedServer } from './check-postgres.ts';
import { failure, ok, skipped, warning, type Checklist, type Finding } from './checklist.ts';

const link = 'archiving';
const pauseMs = 200;
const chunkBytes = 1024 ** 2;

export interface ArchivingCheck {
  readonly server: CheckedServer;
  readonly reader: Codec | undefined;
  readonly options: Pick<CheckOptions, 'repositories' | 'timeoutMs' | 'env' | 'signal'> & {
    readonly config: Pick<CheckOptions['config'], 'cluster' | 'postgres'>;
  };
}

export async function checkArchiving(
  list: Checklist,
  { server, reader, options }: ArchivingCheck,
): Promise<void> {
  if (server.state.isStandby) {
    await checkThroughPrimary(list, { server, reader, options });
    return;
  }
  if (!server.canArchive) {
    list.add(link, skipped('no segment was sent: the settings above keep it from being archived'));
    return;
  }
  if (!server.canEndSegment) {
    list.add(link, skipped('no segment was ended: the role may not'));
    return;
  }
  await proveArrival(list, { server, reader, options });
}

/** Backups of a standby need what only its primary can end and archive. */
async function checkThroughPrimary(
  list: Checklist,
  { server, reader, options }: ArchivingCheck,
): Promise<void> {
  const { config, env, signal } = options;
  // Beside the wait, a segment is read back from each repository.
  const timeoutMs = 2 * options.timeoutMs + 60_000;
  if (config.postgres.primaryConnection === undefined) {
    list.add(
      link,
      skipped(
        'a standby cannot end a segment: run check on the primary to see one arrive, or set postgres.primary-connection',
      ),
    );
    return;
  }
  await list.prove(link, 'connecting to the primary', {
    signal,
    work: () =>
      withPrimary({ config, system: server.state, env, timeoutMs, signal }, async primary => {
        await proveArrival(list, { server: { ...server, ...primary }, reader, options });
        return ok(`the primary answers on timeline ${primary.state.timeline}`);
      }),
  });
}

async function proveArrival(list: Checklist, { server, reader, options }: ArchivingCheck): Promise<void> {
  const { signal, repositories, config } = options;
  const { state, connection, dataDirectory } = server;
  let segment: string | undefined;
  await list.prove(link, 'ending a segment', {
    signal,
    async work() {
      segment = await switchWal(connection, state, 'walvault check');
      return ok(`the server ended segment ${segment}`);
    },
  });
  const file = segment === undefined ? undefined : parseWalFileName(segment);
  if (file === undefined) return;
  const key = walKey({ cluster: config.cluster, systemId: state.systemId }, file);
  await Promise.all(
    repositories.map(async repository => {
      const arrived = await list.prove(link, `${file.name} in repository "${repository.name}"`, {
        signal,
        work: () => waitFor(repository, { key, name: file.name, server, options }),
      });
      if (arrived?.status !== 'ok' || reader === undefined) return;
      await list.prove(link, `reading ${file.name} back from repository "${repository.name}"`, {
        signal,
        work: () =>
          readBack(
            { ...repository, codec: reader },
            { key, name: file.name, dataDirectory, limitBytes: state.geometry.segmentSizeBytes, signal },
          ),
      });
    }),
  );
}

interface Awaited {
  readonly key: string;
  readonly name: string;
  readonly server: CheckedServer;
  readonly options: ArchivingCheck['options'];
}

async function waitFor(repository: Repository, { key, name, server, options }: Awaited): Promise<Finding> {
  const { timeoutMs, signal } = options;
  const startedAt = performance.now();
  for (;;) {
    const stat = await repository.store.head(key, { signal });
    const elapsedMs = performance.now() - startedAt;
    if (stat !== undefined)
      return ok(`${name} arrived in repository "${repository.name}" after ${formatDuration(elapsedMs)}`);
    if (elapsedMs >= timeoutMs) break;
    await sleep(Math.min(pauseMs, timeoutMs - elapsedMs), signal);
  }
  const { lastFailure } = await readArchiver(server.connection);
  const last =
    lastFailure === undefined
      ? 'The server has counted no failure, which a command that is not found does not add to. '
      : `The archiver last failed with ${lastFailure.wal} at ${lastFailure.time}. `;
  const message = `${name} did not arrive in repository "${repository.name}" within ${formatDuration(timeoutMs)}`;
  const hint = `${last}Look for the archive_command's messages in the server's log, or run it by hand as the server's user; a long queue needs a longer --timeout.`;
  return repository.required ? failure(message, hint) : warning(message, hint);
}

interface ReadBack {
  readonly key: string;
  readonly name: string;
  readonly dataDirectory: string | undefined;
  readonly limitBytes: number;
  readonly signal: AbortSignal;
}

async function readBack(
  repository: Repository,
  { key, name, dataDirectory, limitBytes, signal }: ReadBack,
): Promise<Finding> {
  const { plain, metadata } = await openWalObject(repository, key, { limitBytes, signal });
  const archived = await digestOf(plain);
  const local =
    dataDirectory === undefined ? undefined : await localDigest(join(dataDirectory, 'pg_wal', name));
  const from = `${name}, read back from repository "${repository.name}",`;
  if (local !== undefined && local !== archived) return failure(`${from} is not what lies in pg_wal`);
  if (local !== undefined) return ok(`${from} is byte for byte what lies in pg_wal`);
  return metadata === undefined
    ? warning(`${from} can be opened; its digest is not recorded and it is no longer in pg_wal`)
    : ok(`${from} has the digest it was archived with; it is no longer in pg_wal to be compared`);
}

/** Undefined if the server has recycled the file already, or this user may not read it. */
async function localDigest(path: string): Promise<string | undefined> {
  try {
    return await digestOf(createReadStream(path, { highWaterMark: chunkBytes }));
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw new WalvaultError('local-io', `cannot read ${path}`, { cause: error });
  }
}

async function digestOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}
