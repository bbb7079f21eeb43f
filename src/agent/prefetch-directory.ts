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
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../base/errors.ts';

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
      if (pid !== undefined && !isLiving(ownerText(Number(pid))))
        rmSync(join(this.#walDirectory, name), { recursive: true, force: true });
    }
    return true;
  }

  /** Aside first: of several that do so only one has it, and nobody sees it half empty. */
  #remove(): void {
    if (lstatSync(this.#path, { throwIfNoEntry: false }) === undefined) return;
    const aside = this.#privatePath('old');
    rmSync(aside, { recursive: true, force: true });
    renameSync(this.#path, aside);
    rmSync(aside, { recursive: true, force: true });
  }

  #privatePath(what: 'new' | 'old'): string {
    return `${this.#path}.${process.pid}.${what}`;
  }

  #readOwner(): string | undefined {
    try {
      // Not through a link, which is none of ours.
      return lstatSync(this.#path).isDirectory()
        ? readFileSync(join(this.#path, ownerName), 'latin1')
        : undefined;
    } catch {
      return undefined;
    }
  }
}

function nameOf(systemId: bigint, name: string): string {
  return `${systemId}.${name}`;
}

/** Process id and start time, which together name a process once and for all (proc(5), field 22 of stat). */
function ownerText(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${pid} ${startTime}\n`;
  } catch {
    return undefined;
  }
}

function isLiving(owner: string | undefined): boolean {
  const pid = /^(\d+) \d+\n$/.exec(owner ?? '')?.[1];
  return pid !== undefined && ownerText(Number(pid)) === owner;
}
