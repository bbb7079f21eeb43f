/**
 * The account that runs PostgreSQL and the executable under test. PostgreSQL refuses to run as root, and walvault runs
 * as the server's user. So tests run by root use an unprivileged account for both; other users run them as themselves.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, lchownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The account to drop to, or undefined when the tests do not run as root. `postgres` if there is one, else `nobody`. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return lookUp('postgres') ?? lookUp('nobody') ?? { name: 'nobody', uid: 65534, gid: 65534 };
}

/** @throws Error for which a test is left out, unless root runs it */
export function requireRoot(why: string): void {
  if (process.geteuid?.() !== 0) throw new Error(`needs root: ${why}`);
}

/** `uid` and `gid` for `spawn`, empty when there is nothing to drop. */
export function unprivilegedIds(): { uid?: number; gid?: number } {
  const account = unprivilegedAccount();
  return account === undefined ? {} : { uid: account.uid, gid: account.gid };
}

/** Gives a tree to the unprivileged account; does nothing when not root. Symbolic links are not followed. */
export function giveToUnprivileged(path: string): void {
  const account = unprivilegedAccount();
  if (account === undefined) return;
  chownSync(path, account.uid, account.gid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) giveToUnprivileged(child);
    else lchownSync(child, account.uid, account.gid);
  }
}

/** Whether the unprivileged account can read or execute `path`, every directory above it included. */
export function isReachableUnprivileged(path: string, access: 'r' | 'x'): boolean {
  const ids = unprivilegedIds();
  try {
    execFileSync('/usr/bin/test', [`-${access}`, path], { ...ids, stdio: 'ignore', cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

/** Asked once each: every file that is given away and every program that is started wants to know. */
const accounts = new Map<string, Account | undefined>();

function lookUp(name: string): Account | undefined {
  if (!accounts.has(name)) accounts.set(name, askForAccount(name));
  return accounts.get(name);
}

function askForAccount(name: string): Account | undefined {
  const ask = (option: string) =>
    Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { name, uid: ask('-u'), gid: ask('-g') };
  } catch {
    return undefined;
  }
}
