/**
 * `pg_wal/walvault.prefetch`, the directory of segments that were fetched ahead. It lies in `pg_wal`, so that a segment
 * is handed over by a rename on one file system. PostgreSQL ignores such a directory there (RemoveOldXlogFiles in
 * xlog.c works by segment name), and base backups leave out the contents of `pg_wal` (sendDir in basebackup.c;
 * walvault's, too). Only files that this process put there and remembers are used.
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { ownNamespace, startTimeOf } from '../../base/process-identity.ts';

const directoryName = 'walvault.prefetch';
const ownerName = 'owner';

export class PrefetchDirectory {
  readonly #walDirectory: string;
  readonly #path: string;
  readonly #owner = ownerText(process.pid);

  /** @param walDirectory without symbolic links */
  constructor(walDirectory: string) {
    this.#walDirectory = walDirectory;
    this.#path = join(walDirectory, directoryName);
  }

  /** The system is part of the name: another cluster may take the place of a data directory. */
  pathOf(systemId: bigint, name: string): string {
    return join(this.#path, nameOf(systemId, name));
  }

  get isHeld(): boolean {
    return this.#owner !== undefined && this.#readOwner() === this.#owner;
  }

  /**
   * Makes the directory ours, and empty. False while another living process owns it, or where processes cannot be told
   * apart.
   * @throws system errors
   */
  acquire(): boolean {
    if (this.#owner === undefined) return false;
    if (this.isHeld) return true;
    if (!this.#removeAbandoned()) return false;
    // The owner's file is inside before the directory gets its name, and the rename never replaces a directory in use.
    const prepared = this.#privatePath('new');
    rmSync(prepared, { recursive: true, force: true });
    mkdirSync(prepared, { mode: 0o700 });
    writeFileSync(join(prepared, ownerName), this.#owner, { mode: 0o600 });
    try {
      renameSync(prepared, this.#path);
      return true;
    } catch (error) {
      rmSync(prepared, { recursive: true, force: true });
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false;
      throw error;
    }
  }

  /** Removes what a dead process left. @throws system errors */
  removeAbandoned(): void {
    if (!this.isHeld) this.#removeAbandoned();
  }

  /**
   * Removes only what a dead process of this very process namespace left. For a process that keeps nothing here, and
   * must not take the directory from a living agent, perhaps in another container.
   * @throws system errors
   */
  removeOrphaned(): void {
    const owner = this.#readOwner();
    if (owner === undefined || !isOfThisNamespace(owner) || isLiving(owner)) return;
    const aside = this.#moveAside();
    // An agent that started just now was quicker: the directory is in use again.
    if (readOwner(aside) !== owner) renameSync(aside, this.#path);
    else rmSync(aside, { recursive: true, force: true });
  }

  /** Removes everything but these files, finished or not. @throws system errors */
  keepOnly(systemId: bigint, names: Iterable<string>): void {
    const kept = new Set([...names].map(name => nameOf(systemId, name)));
    for (const name of readdirSync(this.#path)) {
      const finished = /^\.(.+)\.[0-9a-f]+\.tmp$/.exec(name)?.[1] ?? name;
      if (name !== ownerName && !kept.has(finished))
        rmSync(join(this.#path, name), { recursive: true, force: true });
    }
  }

  /** Free space of the directory's file system. @throws system errors */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#walDirectory);
    return bavail * bsize;
  }

  /** Removes the directory with its contents, if it is ours. @throws system errors */
  release(): void {
    if (this.isHeld) this.#remove();
  }

  /** @returns false when the owner is alive */
  #removeAbandoned(): boolean {
    if (isLiving(this.#readOwner())) return false;
    this.#remove();
    for (const name of readdirSync(this.#walDirectory)) {
      const pid = /^walvault\.prefetch\.(\d+)\.(?:old|new)$/.exec(name)?.[1];
      if (pid !== undefined && startTimeOf(pid) === undefined)
        rmSync(join(this.#walDirectory, name), { recursive: true, force: true });
    }
    return true;
  }

  #remove(): void {
    if (lstatSync(this.#path, { throwIfNoEntry: false }) === undefined) return;
    rmSync(this.#moveAside(), { recursive: true, force: true });
  }

  /** Renames the directory before it is removed: only one of several processes gets it, and none sees it half empty. */
  #moveAside(): string {
    const aside = this.#privatePath('old');
    rmSync(aside, { recursive: true, force: true });
    renameSync(this.#path, aside);
    return aside;
  }

  #privatePath(what: 'new' | 'old'): string {
    return `${this.#path}.${process.pid}.${what}`;
  }

  #readOwner(): string | undefined {
    return readOwner(this.#path);
  }
}

function readOwner(directory: string): string | undefined {
  try {
    // A symbolic link is not followed: walvault never makes one here.
    return lstatSync(directory).isDirectory()
      ? readFileSync(join(directory, ownerName), 'latin1')
      : undefined;
  } catch {
    return undefined;
  }
}

function nameOf(systemId: bigint, name: string): string {
  return `${systemId}.${name}`;
}

/** Process id and start time, which identify a process of a process namespace for good, and that namespace. */
function ownerText(pid: number): string | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : `${pid} ${startTime} ${ownNamespace() ?? 'unknown'}\n`;
}

const ownerPattern = /^(\d+) (\d+)(?: (\S+))?\n$/;

function isLiving(owner: string | undefined): boolean {
  const [, pid, startTime] = ownerPattern.exec(owner ?? '') ?? [];
  return pid !== undefined && startTimeOf(pid) === startTime;
}

function isOfThisNamespace(owner: string): boolean {
  const namespace = ownNamespace();
  return namespace !== undefined && ownerPattern.exec(owner)?.[3] === namespace;
}
