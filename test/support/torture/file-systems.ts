/**
 * File systems for tests, which need root and a kernel that mounts: a disk whose power can be cut, and a disk that is
 * too small. Where nothing can be mounted the tests are left out, with CI=true they fail unless WALVAULT_TEST_WITHOUT_LOOP=1.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onExit } from '../site/on-exit.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { requireRoot, unprivilegedAccount } from '../site/unprivileged.ts';

/** @throws Error for which a test is left out, where no file system can be mounted */
export function requireMounts(): void {
  requireRoot('only root can mount a file system');
  try {
    createDisk(16, 'ext2').close();
    createSmallFileSystem('1m').close();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new Error(
      `needs mounts: loop devices and tmpfs; WALVAULT_TEST_WITHOUT_LOOP=1 does without (${why})`,
      { cause },
    );
  }
}

/** Whether who runs the tests has said that these cannot be run there. */
export function isExcused(env: NodeJS.ProcessEnv = process.env): boolean {
  return env['WALVAULT_TEST_WITHOUT_LOOP'] === '1';
}

export interface Mounted {
  /** Belongs to the unprivileged account. */
  readonly path: string;
  close(): void;
}

export interface Disk extends Mounted {
  /** What is on the disk at this instant, as after a power cut: nothing that was not fsynced need be in it. */
  cutPower(): Mounted;
}

/** `ext2` has no journal: an fsync there brings nothing to the disk that it was not asked for. `ext4` is what people have. */
export type DiskType = 'ext2' | 'ext4';

/**
 * A file system in a loop image. A copy of the image file has what the file system has sent to its disk; dirty pages that
 * were never fsynced are not in it. The journal's own commit every five seconds would bring some, so it is put off.
 */
export function createDisk(sizeMiB: number, type: DiskType): Disk {
  const directory = temporaryDirectory('disk', { keepOwner: true });
  const image = join(directory, 'image');
  execFileSync('truncate', ['-s', `${sizeMiB}M`, image]);
  execFileSync(`mkfs.${type}`, ['-q', '-F', image], { stdio: ['ignore', 'ignore', 'pipe'] });
  const isJournaled = type === 'ext4';
  const options = isJournaled ? 'loop,commit=600' : 'loop';
  const mounted = mountAt(join(directory, 'mounted'), ['-t', type, '-o', options, image]);
  let cuts = 0;
  return {
    ...mounted,
    cutPower() {
      cuts++;
      const copy = join(directory, `after-cut-${cuts}`);
      execFileSync('cp', ['--sparse=always', image, copy]);
      if (!isJournaled) repair(copy);
      const after = mountAt(`${copy}.mounted`, ['-t', type, '-o', 'loop', copy]);
      return {
        path: after.path,
        close() {
          after.close();
          rmSync(copy);
        },
      };
    },
  };
}

/** What the machine does when it comes up again. Status 1: errors were corrected. */
function repair(image: string): void {
  const { status, stdout } = spawnSync('e2fsck', ['-fy', image], { encoding: 'utf8' });
  if (status !== 0 && status !== 1) throw new Error(`e2fsck ${image}: ${stdout}`);
}

/**
 * tmpfs of a `size` and, to be full in the middle of a small tree, at most `files` inodes. It is mounted on the directory
 * `on`, by default on one of its own.
 */
export function createSmallFileSystem(
  size: string,
  { files, on }: { readonly files?: number; readonly on?: string } = {},
): Mounted {
  const inodes = files === undefined ? '' : `,nr_inodes=${files}`;
  const path = on ?? join(temporaryDirectory('small', { keepOwner: true }), 'mounted');
  return mountAt(path, ['-t', 'tmpfs', '-o', `size=${size}${inodes}`, 'tmpfs']);
}

function mountAt(path: string, args: readonly string[]): Mounted {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', [...args, path], { stdio: ['ignore', 'ignore', 'pipe'] });
  const close = onExit(() => execFileSync('umount', [path], { stdio: 'ignore' }));
  const account = unprivilegedAccount();
  if (account !== undefined) chownSync(path, account.uid, account.gid);
  // The scratch directory above is private to root.
  openWay(path);
  return { path, close };
}

function openWay(path: string): void {
  execFileSync('chmod', ['a+x', join(path, '..')]);
}
