/**
 * Checks whether PostgreSQL is process 1, and so would become the parent of an orphan. An agent is an orphan once the
 * push that started it has ended, and so is a push whose archiver has died. Where PostgreSQL is process 1, as in many
 * containers, it restarts every backend when a child ends by a signal or with a status other than 0 and 1 (reaper in
 * postmaster.c).
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../../base/errors/errors.ts';

export interface Harm {
  readonly problem: string;
  readonly hint: string;
}

/** Why an agent started here would do harm. Undefined: it would do none. */
export function whyOrphansDoHarm(): Harm | undefined {
  try {
    // The /proc of another namespace does not show who process 1 is here.
    if (readlinkSync('/proc/self') !== String(process.pid))
      return { problem: '/proc is not that of this process namespace', hint };
    return isServer(1) ? { problem: 'PostgreSQL is process 1 here', hint } : undefined;
  } catch (error) {
    // Hidden processes are those of other users, so process 1 is not our server.
    if (systemCode(error) === 'EACCES' || (systemCode(error) === 'ENOENT' && isProcMounted()))
      return undefined;
    return { problem: '/proc cannot be read', hint };
  }
}

/** For an agent itself, which may run where its parent cannot be known, but not where its parent is the server. */
export function isServerAbove(): boolean {
  return [process.ppid, 1].some(pid => {
    try {
      return isServer(pid);
    } catch {
      return false;
    }
  });
}

/**
 * True if PostgreSQL as process 1 reads this process' status, itself or through a shell, and no other process of its
 * own does.
 */
export function isOrphanOfServer(): boolean {
  try {
    if (!isServer(1)) return false;
    let pid = process.ppid;
    while (pid > 1 && !isServer(pid)) pid = parentOf(pid);
    return pid === 1;
  } catch {
    return process.ppid === 1;
  }
}

const hint =
  'Let an init process be process 1 (docker run --init), or run `walvault agent` as a container of its own beside the server; agent.mode = "off" ends this message.';

/** Recognises a server by the name of its program. @throws system errors */
function isServer(pid: number): boolean {
  return /^(postgres|postmaster)\n?$/.test(readFileSync(`/proc/${pid}/comm`, 'latin1'));
}

/** @throws system errors */
function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

function isProcMounted(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}
