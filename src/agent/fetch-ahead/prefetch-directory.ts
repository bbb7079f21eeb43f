/**
 * Where segments lie that nobody has asked for yet: `walvault.prefetch` in `pg_wal`, so that handing one over is a
 * rename on the same file system. PostgreSQL passes over directories with such names in `pg_wal` (it removes and
 * recycles segments by name, RemoveOldXlogFiles in xlog.c), and base backups leave the contents of `pg_wal` out
 * (sendDir in basebackup.c; so does walvault's). Nothing that lies in it counts but what this process put there and
 * remembers.
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';

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

  /** The system is part of the name: a data directory may be replaced by another cluster's. */
  pathOf(systemId: bigint, name: string): string {
    return join(this.#path, nameOf(systemId, name));
  }

  get isHeld(): boolean {
    return this.#owner !== undefined && this.#readOwner() === this.#owner;
  }

  /**
   * Makes it ours, empty. False while another living process has it, or where processes cannot be told apart.
   * @throws system errors
   */
  acquire(): boolean {
    if (this.#owner === undefined) return false;
    if (this.isHeld) return true;
    if (!this.#removeAbandoned()) return false;
    // With its owner inside from the first moment: a rename gives it its name, and never replaces one that is in use.
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

  /** What a dead process left. @throws system errors */
  removeAbandoned(): void {
    if (!this.isHeld) this.#removeAbandoned();
  }

  /**
   * For whoever keeps nothing here and must not take it from an agent that lives, perhaps in another container: only what
   * a dead process of this very process namespace left. @throws system errors
   */
  removeOrphaned(): void {
    const owner = this.#readOwner();
    if (owner === undefined || !isOfThisNamespace(owner) || isLiving(owner)) return;
    const aside = this.#moveAside();
    // An agent that starts at this moment was quicker: it is in use again.
    if (readOwner(aside) !== owner) renameSync(aside, this.#path);
    else rmSync(aside, { recursive: true, force: true });
  }

  /** Everything in it that is not of these files, finished or not. @throws system errors */
  keepOnly(systemId: bigint, names: Iterable<string>): void {
    const kept = new Set([...names].map(name => nameOf(systemId, name)));
    for (const name of readdirSync(this.#path)) {
      const finished = /^\.(.+)\.[0-9a-f]+\.tmp$/.exec(name)?.[1] ?? name;
      if (name !== ownerName && !kept.has(finished))
        rmSync(join(this.#path, name), { recursive: true, force: true });
    }
  }

  /** Free space of its file system. @throws system errors */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#walDirectory);
    return bavail * bsize;
  }

  /** Removes it with all that is in it, if it is ours. @throws system errors */
  release(): void {
    if (this.isHeld) this.#remove();
  }

  /** @returns false when its owner lives */
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

  /** Before it is removed: of several that do so only one has it, and nobody sees it half empty. */
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
    // Not through a link, which is none of ours.
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

/**
 * Process id and start time, which together name a process of a process namespace once and for all, and that namespace.
 */
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

/** Field 22 of stat, proc(5). Undefined: there is no such process. */
function startTimeOf(pid: number | string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** `pid:[4026531836]`. Undefined where /proc is another namespace's, or does not tell. */
function ownNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self') === String(process.pid) ? readlinkSync('/proc/self/ns/pid') : undefined;
  } catch {
    return undefined;
  }
}
