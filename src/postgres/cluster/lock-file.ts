/**
 * The lock on a data directory, as servers and their tools take it: the file `postmaster.pid` with the id of a live process
 * (CreateLockFile in miscinit.c). While this process holds it, no server starts in the directory, and nothing else that takes the lock.
 */
import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileBounds } from '../../base/bounds.ts';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { readText } from '../../base/files/read.ts';
import { postmasterPidName } from './postmaster-pid.ts';

/** A server that has ended may be found in the file several times, while others look, too. */
const mostAttempts = 10;

/**
 * Takes the lock. What a server that was killed has left is replaced.
 * @throws WalvaultError `destination` where a process, or shared memory of a server, may still be in use; `local-io`
 */
export async function lockDataDirectory(dataDirectory: string): Promise<AsyncDisposable> {
  const path = join(dataDirectory, postmasterPidName);
  try {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      if (await make(path, dataDirectory))
        return { [Symbol.asyncDispose]: async () => await removeOwn(path) };
      await refuseInUse(dataDirectory);
      await rm(path, { force: true });
    }
  } catch (error) {
    throw localIoError('lock', path, error);
  }
  throw inUse(path, 'another process makes it again and again');
}

/** Looks, and changes nothing. @throws WalvaultError `destination` as `lockDataDirectory`, `local-io` */
export async function refuseInUse(dataDirectory: string): Promise<void> {
  const path = join(dataDirectory, postmasterPidName);
  const text = await readIfThere(path);
  if (text === undefined) return;
  const { pid, sharedMemory } = parseLockFile(text);
  if (pid !== undefined && isOther(pid) && isAlive(pid)) throw inUse(path, `process ${pid} is alive`);
  if (sharedMemory !== undefined && isAttached(sharedMemory))
    throw inUse(path, `processes use its shared memory ${sharedMemory.id}`);
}

interface SharedMemory {
  readonly key: string;
  readonly id: string;
}

/**
 * The process id is negative where no postmaster holds the lock. Line 7 has key and id of a server's shared memory (pidfile.h): its
 * processes may outlive the postmaster.
 */
export function parseLockFile(text: string): {
  readonly pid: number | undefined;
  readonly sharedMemory: SharedMemory | undefined;
} {
  const lines = text.split('\n', 7);
  const [, digits] = /^-?([1-9]\d{0,9})$/.exec(lines[0] ?? '') ?? [];
  const [, key, id] = /^\s*(\d+)\s+(\d+)\s*$/.exec(lines[6] ?? '') ?? [];
  return {
    pid: digits === undefined ? undefined : Number(digits),
    sharedMemory: key === undefined || id === undefined ? undefined : { key, id },
  };
}

/** This process' own number and its parent's are found after a restart of a container, where numbers begin anew (CreateLockFile). */
function isOther(pid: number): boolean {
  return pid !== process.pid && pid !== process.ppid;
}

/** One of another account counts: it may be the server of a container, whose first process has number 1 in it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/** True if a process is attached to the memory, as far as Linux tells (proc(5)). */
function isAttached({ key, id }: SharedMemory): boolean {
  let table: string;
  try {
    table = readFileSync('/proc/sysvipc/shm', 'latin1');
  } catch {
    return false;
  }
  return table.split('\n').some(line => {
    const [ownKey, ownId, , , , , attached] = line.trim().split(/\s+/);
    // The kernel shows keys as signed numbers, and the file has unsigned ones.
    return ownId === id && Number(ownKey) >>> 0 === Number(key) >>> 0 && attached !== '0';
  });
}

/** False if the file is there. A number below zero stands for a process that is no postmaster. */
async function make(path: string, dataDirectory: string): Promise<boolean> {
  try {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(`-${process.pid}\n${dataDirectory}\n${Math.floor(Date.now() / 1000)}\n0\n\n\n`);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A server that has started since has a file of its own. */
async function removeOwn(path: string): Promise<void> {
  const text = await readIfThere(path);
  if (text?.startsWith(`-${process.pid}\n`)) await rm(path, { force: true });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readText(path, fileBounds.serverFile.limitBytes);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
}

function inUse(path: string, why: string): WalvaultError {
  return new WalvaultError('destination', `${path}: a server may be running in this directory, ${why}`, {
    hint: `Stop it (pg_ctl stop). If no server and no other restore uses the directory, remove ${path}.`,
  });
}
