/**
 * Whose child an agent becomes once whoever started it has ended. Where PostgreSQL is process 1, as in many containers, it
 * is PostgreSQL's, and a child of the postmaster that ends by a signal, or with a status other than 0 and 1, makes it
 * restart every backend (reaper in postmaster.c).
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../../base/errors.ts';

export interface Harm {
  readonly problem: string;
  readonly hint: string;
}

/** Undefined where an agent does none. */
export function whyOrphansDoHarm(): Harm | undefined {
  try {
    // Another namespace's /proc says nothing about who process 1 is here.
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

/** For an agent itself, who may run where nobody can tell, but not where this is known. */
export function isServerAbove(): boolean {
  return [process.ppid, 1].some(pid => {
    try {
      return isServer(pid);
    } catch {
      return false;
    }
  });
}

const hint =
  'Let an init process be process 1 (docker run --init), or run `walvault agent` as a container of its own beside the server; agent.mode = "off" ends this message.';

/** By the name under which it runs. @throws system errors */
function isServer(pid: number): boolean {
  return /^(postgres|postmaster)\n?$/.test(readFileSync(`/proc/${pid}/comm`, 'latin1'));
}

function isProcMounted(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}
