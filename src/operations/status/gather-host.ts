/** The facts of the server's files on this host: what waits in `pg_wal`, and the room there. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { localIoError } from '../../base/errors/errors.ts';
import { startDeadline } from '../../base/time/deadline.ts';
import { orAborted } from '../../base/time/wait.ts';
import { ArchiveStatus } from '../../postgres/cluster/archive-status.ts';
import { readControlFile } from '../../postgres/cluster/control-file.ts';
import { findDataDirectory } from '../../postgres/cluster/find-data-directory.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import type { Fact, HostFacts } from './facts.ts';
import { readDisk } from './read-disk.ts';
import { factOf } from './unknown.ts';

const timeLimitMs = 10_000;

export interface HostOptions {
  readonly configured: string | undefined;
  /** As the server names it, which may be on another host. */
  readonly ofServer: string | undefined;
  /** The server's; undefined: it was not reached. */
  readonly systemId: bigint | undefined;
  readonly signal: AbortSignal;
}

/** Undefined where this host has no data directory of the cluster: the server runs elsewhere. */
export async function gatherHost({
  configured,
  ofServer,
  systemId,
  signal,
}: HostOptions): Promise<Fact<HostFacts> | undefined> {
  const clues = { workingDirectory: process.cwd(), walPath: 'pg_wal/.', configured: undefined };
  const dataDirectory = configured ?? ofServer ?? findDataDirectory(clues);
  if (dataDirectory === undefined || (configured === undefined && isElsewhere(dataDirectory)))
    return undefined;
  const deadline = startDeadline(timeLimitMs, dataDirectory, signal);
  try {
    const control = await factOf(() =>
      orAborted(readControlFile(dataDirectory, deadline.signal), deadline.signal),
    );
    if (!('known' in control)) return control;
    // A directory of the same name on another host than the server's.
    if (systemId !== undefined && control.known.systemId !== systemId) return undefined;
    const walDirectory = join(dataDirectory, 'pg_wal');
    return {
      known: {
        dataDirectory,
        control: control.known,
        readySegments: await factOf(() => orAborted(countReady(walDirectory), deadline.signal)),
        disk: await factOf(() => readDisk(walDirectory, deadline.signal)),
      },
    };
  } finally {
    deadline.clear();
  }
}

/** One that this user may not look into is here. */
function isElsewhere(dataDirectory: string): boolean {
  return lstatSync(dataDirectory, { throwIfNoEntry: false }) === undefined;
}

async function countReady(walDirectory: string): Promise<number> {
  try {
    const { ready } = await new ArchiveStatus(walDirectory).read();
    return ready.filter(name => parseWalFileName(name)?.kind === 'segment').length;
  } catch (error) {
    throw localIoError('read', join(walDirectory, 'archive_status'), error);
  }
}
