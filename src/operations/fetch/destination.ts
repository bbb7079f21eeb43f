/** The file that PostgreSQL asked for: complete, verified and fsynced before it gets its name. */
import { basename, dirname } from 'node:path';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { lstat, open, readdir, removeIfThere, rename, type OpenFile } from '../../base/files/calls.ts';
import { streamOf, type ByteStream } from '../../base/bytes/streams.ts';
import { identityOf, type FileIdentity } from '../../base/files/identity.ts';
import { heirOf } from '../../base/files/heir.ts';
import { holdOwnDirectory, type OwnDirectory } from '../../base/files/own-directory.ts';
import { fsyncDirectory, writeAll } from '../../base/files/durable.ts';
import { hasDeadWriter, newTemporaryName } from './temporary-name.ts';

/** A temporary file this old belongs to a fetch that was killed, perhaps in another container. */
const staleAfterMs = 3_600_000;
const headBytes = 8192;

export interface ReceivedFile {
  readonly sizeBytes: number;
  /** The first page of the file. */
  readonly head: Uint8Array;
}

/**
 * Writes `content` to a temporary file, calls `accept` once all bytes are there, fsyncs, and renames the file to
 * `destination`. When anything throws, `destination` is untouched and the temporary file is removed.
 * @returns the identity of the written file
 */
export async function deliver(
  destination: string,
  content: ByteStream,
  accept: (file: ReceivedFile) => void,
): Promise<FileIdentity> {
  try {
    await using directory = await holdOwnDirectory(dirname(destination));
    return await deliverInto(directory, basename(destination), { content, accept });
  } catch (error) {
    throw error instanceof WalvaultError ? error : localIoError('write', destination, error);
  }
}

async function deliverInto(
  directory: OwnDirectory,
  name: string,
  { content, accept }: { readonly content: ByteStream; readonly accept: (file: ReceivedFile) => void },
): Promise<FileIdentity> {
  const temporary = newTemporaryName(directory.path(name));
  await removeStale(directory, name);
  let handle: OpenFile | undefined;
  try {
    handle = await open(temporary, 'wx', 0o600);
    const received = await receive(handle, content);
    accept(received);
    await leaveToHeir(handle, directory);
    await handle.sync();
    const identity = identityOf(await handle.stat({ bigint: true }));
    await handle.close();
    handle = undefined;
    await rename(temporary, directory.path(name));
    await fsyncDirectory(directory.path());
    return identity;
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await removeIfThere(temporary).catch(() => undefined);
    throw error;
  }
}

/** A file that root fetches by hand into `pg_wal` must be the server's: with another owner it could not be read. */
async function leaveToHeir(handle: OpenFile, { found }: OwnDirectory): Promise<void> {
  const heir = found && heirOf(found);
  if (heir !== undefined) await handle.chown(heir.uid, heir.gid);
}

/** Delivers a small content that was checked as a whole. */
export async function deliverWhole(destination: string, content: Uint8Array): Promise<FileIdentity> {
  return await deliver(destination, streamOf(content), () => undefined);
}

async function receive(handle: OpenFile, content: ByteStream): Promise<ReceivedFile> {
  const head = Buffer.alloc(headBytes);
  let sizeBytes = 0;
  for await (const chunk of content) {
    if (sizeBytes < headBytes) head.set(chunk.subarray(0, headBytes - sizeBytes), sizeBytes);
    await writeAll(handle, chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, head: head.subarray(0, Math.min(headBytes, sizeBytes)) };
}

async function removeStale(directory: OwnDirectory, destination: string): Promise<void> {
  const prefix = `.${destination}.`;
  try {
    for (const name of await readdir(directory.path())) {
      if (!name.startsWith(prefix) || !name.endsWith('.tmp')) continue;
      const path = directory.path(name);
      if (hasDeadWriter(name) || Date.now() - (await lstat(path)).mtimeMs > staleAfterMs)
        await removeIfThere(path);
    }
  } catch {
    // A failed clean-up must not fail the fetch: an unusable directory makes the write fail, with a better message.
  }
}
