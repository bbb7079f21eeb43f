/**
 * The file `postmaster.pid`: a server makes it when it starts and removes it when it stops (CreateLockFile in
 * miscinit.c). A killed server leaves it behind.
 */
import { readWholeNow } from '../../base/files/read.ts';
import { fileBounds } from '../../base/bounds.ts';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';

export const postmasterPidName = 'postmaster.pid';

export interface PostmasterPid {
  readonly pid: number;
  /** Seconds since 1970. With the process id it tells one run of a server from the next. */
  readonly startedAt: number;
  readonly port: number;
  /** The first of its directories for Unix sockets; undefined if it has none. */
  readonly socketDirectory: string | undefined;
  /** The first of the addresses that it listens on, `*` for all; undefined if it listens on none. */
  readonly listenAddress: string | undefined;
  /** `starting`, `stopping`, `ready` or `standby`; undefined before the server has written it. */
  readonly status: string | undefined;
}

/**
 * Undefined without a server: the file is absent, not written yet, or a single-user session's. Synchronous, because all
 * threads of Node's pool may be busy when the agent reads it.
 * @throws system errors
 */
export function readPostmasterPid(dataDirectory: string): PostmasterPid | undefined {
  try {
    return parsePostmasterPid(
      readWholeNow(join(dataDirectory, postmasterPidName), fileBounds.serverFile.limitBytes).toString(
        'latin1',
      ),
    );
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * True once the server in this directory was asked to stop, in any way (pmdie in postmaster.c). False where that cannot
 * be known.
 */
export function isServerStopping(dataDirectory: string): boolean {
  try {
    return readPostmasterPid(dataDirectory)?.status === 'stopping';
  } catch {
    return false;
  }
}

/** LOCK_FILE_LINE_PM_STATUS in pidfile.h. */
const statusLine = 8;

/**
 * One value a line: process id, data directory, start time, port, socket directory, address, one value that is not
 * needed here, and the status, padded with spaces (pidfile.h). A single-user session writes its process id as a negative number.
 */
function parsePostmasterPid(text: string): PostmasterPid | undefined {
  const lines = text.split('\n', statusLine);
  const [pid, , startedAt, port] = lines.map(line => (/^[1-9]\d*$/.test(line) ? Number(line) : undefined));
  if (pid === undefined || startedAt === undefined || port === undefined) return undefined;
  const [socketDirectory, listenAddress] = lines.slice(4, 6).map(line => (line === '' ? undefined : line));
  return { pid, startedAt, port, socketDirectory, listenAddress, status: lines[statusLine - 1]?.trim() };
}

/**
 * The user whose server runs in the directory, or was killed there.
 * @throws system errors, `ENOENT` without a server
 */
export function serverUserId(dataDirectory: string): number {
  return statSync(join(dataDirectory, postmasterPidName)).uid;
}
