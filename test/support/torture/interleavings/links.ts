/** Links and other things that the user plants: what was in their places is kept aside, and comes back when they are taken out. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../../../../src/base/errors/errors.ts';
import type { Spot } from './places.ts';
import type { World } from './world.ts';

interface Planted extends Spot {
  /** Of what was planted; undefined where a verb was quicker. */
  readonly inode: bigint | undefined;
  /** Where what was there lies meanwhile; undefined if nothing was. */
  readonly aside: string | undefined;
}

export class Links {
  readonly #world: World;
  readonly #planted: Planted[] = [];
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** True while nothing is planted. */
  get isPeaceful(): boolean {
    return this.#planted.length === 0;
  }

  plant(spot: Spot): void {
    const aside = isThere(spot.path) ? this.#asidePath() : undefined;
    if (aside !== undefined) renameSync(spot.path, aside);
    this.#planted.push({ ...spot, aside, inode: this.#make(spot) });
  }

  /** The last one first: a link may lie in a directory that was put aside later. */
  takeOut(): void {
    for (let planted = this.#planted.pop(); planted !== undefined; planted = this.#planted.pop()) {
      const { path, aside, inode } = planted;
      if (inode !== undefined && inodeOf(path) === inode) rmSync(path, { force: true, recursive: true });
      if (aside !== undefined) this.#putBack(aside, path);
    }
  }

  /** Plants and takes out again until `work` is over. */
  async flip(spot: Spot, work: Promise<unknown>): Promise<void> {
    const ended = work.then(() => true);
    for (let round = 0; ; round++) {
      this.plant(spot);
      const isOver = await Promise.race([ended, delay(round % 3, false)]);
      this.takeOut();
      if (isOver || (await Promise.race([ended, delay(round % 5 === 0 ? 1 : 0, false)]))) return;
    }
  }

  #make({ path, what }: Spot): bigint | undefined {
    const { user } = this.#world.ground;
    this.#makeDirectory(dirname(path));
    try {
      if (typeof what === 'object') symlinkSync(what.linkTo, path);
      else if (what === 'pipe') execFileSync('mkfifo', ['-m', '0600', path], { stdio: 'pipe' });
      else if (what === 'directory') this.#makeDirectory(path);
      else writeFileSync(path, 'planted', { flag: 'wx', mode: this.#world.isShared ? 0o640 : 0o600 });
      lchownSync(path, user.uid, user.gid);
      return inodeOf(path);
    } catch (error) {
      // The writer of an object has made the directory anew.
      if (systemCode(error) === 'EEXIST' || isThere(path)) return undefined;
      throw error;
    }
  }

  #asidePath(): string {
    return join(this.#world.ground.parkedPath, String(this.#count++));
  }

  /** A verb may have made the directory anew meanwhile, and written into it: both contents stay. */
  #putBack(aside: string, path: string): void {
    try {
      renameSync(aside, path);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT') {
        // A verb has pruned the directory around it, which seemed empty.
        this.#makeDirectory(dirname(path));
        this.#putBack(aside, path);
        return;
      }
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      for (const name of readdirSync(aside)) this.#putBack(join(aside, name), join(path, name));
      rmdirSync(aside);
    }
  }

  #makeDirectory(path: string): void {
    const { ground, isShared } = this.#world;
    if (!isThere(dirname(path))) this.#makeDirectory(dirname(path));
    if (isThere(path)) return;
    mkdirSync(path);
    chownSync(path, ground.user.uid, ground.user.gid);
    chmodSync(path, isShared ? 0o2770 : 0o700);
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
