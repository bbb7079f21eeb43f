/**
 * The directories on the way to an object, made durable: the object's own one each time, those above it only if they
 * have changed since this process fsynced them. A whole chain costs several waits for the disk, and it changes as rarely
 * as a directory of segments is full.
 */
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { stat } from '../../base/files/calls.ts';
import { fsyncDirectory } from '../../base/files/durable.ts';

/** Most directories that are remembered. A process that writes into more begins anew. */
const mostRemembered = 1000;

export class SyncedDirectories {
  /** By path: the state in which the directory was when its entries became durable. */
  readonly #states = new Map<string, string>();

  /**
   * fsyncs the directory of `key`, which has a new entry, and each directory above it up to the root in which something
   * may not be durable yet. Directories that others made count too: the process that made them may have died before
   * its own fsync, or be about to do it. @throws system errors
   */
  async sync(root: string, key: string): Promise<void> {
    const parts = key.split('/').slice(0, -1);
    const directories = [root, ...parts.map((_, index) => join(root, ...parts.slice(0, index + 1)))];
    const [own = root, ...above] = directories.toReversed();
    // Its new entry has just changed it: by the clock that gives the directories their times, this is the time now.
    const { ctimeNs: nowNs } = await stat(own, { bigint: true });
    await Promise.all([fsyncDirectory(own), ...above.map(path => this.#syncIfChanged(path, nowNs))]);
  }

  async #syncIfChanged(path: string, nowNs: bigint): Promise<void> {
    const found = await stat(path, { bigint: true });
    const state = stateOf(found);
    if (this.#states.get(path) === state) return;
    await fsyncDirectory(path);
    if (this.#states.size >= mostRemembered) this.#states.clear();
    if (wouldShowChange(found.ctimeNs, nowNs)) this.#states.set(path, state);
    else this.#states.delete(path);
  }
}

/**
 * Each entry that is made, renamed or removed changes the time of change, which nobody can set. A number of an inode is
 * used again, but not with the same time.
 */
function stateOf({ dev, ino, ctimeNs, mtimeNs }: BigIntStats): string {
  return [dev, ino, ctimeNs, mtimeNs].join(' ');
}

const coarseNs = 1_000_000_000n;
const settledCoarseNs = 3n * coarseNs;
const settledNs = 100_000_000n;

/**
 * Whether a directory with this time of change, looked at at `nowNs` or later, would get another one by a later change.
 * The kernel's time moves in steps of up to 10 ms; some file systems keep whole seconds. Where there is no time at all it
 * never would.
 */
export function wouldShowChange(changedNs: bigint, nowNs: bigint): boolean {
  if (changedNs <= 0n) return false;
  return nowNs - changedNs >= (changedNs % coarseNs === 0n ? settledCoarseNs : settledNs);
}
