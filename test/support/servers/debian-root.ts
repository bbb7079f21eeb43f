/**
 * A bare Debian in a directory: debootstrap's minimal system with some packages, and a user `admin` who may use sudo, if
 * that is among them. A script runs in namespaces of its own: what it mounts and starts ends with it.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk, run, type RunResult } from '../site/run.ts';
import { temporaryDirectory } from '../site/temp.ts';

export interface DebianRoot {
  readonly directory: string;
  /** A program and its arguments that run, as root inside, the script that is their standard input. */
  readonly shell: readonly [string, ...string[]];
  /** Runs a script by bash as root inside; rejects only past the time. */
  run(script: string, options?: { readonly timeoutMs?: number }): Promise<RunResult>;
}

const minuteMs = 60_000;
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Why no root can be made here; undefined if one can. */
export function whyNoDebianRoot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: a Debian root is made by chroot';
  const tools = ['debootstrap', 'apt-get', 'unshare'];
  const missing = tools.filter(
    tool => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** Bookworm has PostgreSQL 15, trixie 17 and Node 20, sid PostgreSQL 18. */
export type DebianRelease = 'bookworm' | 'trixie' | 'sid';

/** About a minute, and what `packages` take. */
export async function createDebianRoot(
  release: DebianRelease,
  packages: readonly string[],
): Promise<DebianRoot> {
  const directory = join(temporaryDirectory('debian', { keepOwner: true }), 'root');
  const options = { as: 'self', timeoutMs: 15 * minuteMs, env: { ...process.env } } as const;
  const bootstrap = ['--variant=minbase', `--keyring=${keyring}`, release, directory, await mirror()];
  // Debootstrap mounts /proc there: in a namespace of its own nothing stays mounted, even if it is killed.
  await runOk('unshare', ['--mount', '--propagation', 'private', 'debootstrap', ...bootstrap], options);
  writeFileSync(join(directory, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  writeFileSync(join(directory, 'etc/apt/apt.conf.d/99test'), aptSettings);
  writeFileSync(join(directory, 'etc/hosts'), '127.0.0.1 localhost debian\n');
  const entering = [...isolated, 'sh', '-c', enter, 'enter', directory];
  const root: DebianRoot = {
    directory,
    shell: ['unshare', ...entering],
    run: (script, { timeoutMs = minuteMs } = {}) =>
      run('unshare', entering, { as: 'self', input: `hostname debian\n${script}`, timeoutMs }),
  };
  const { exitCode, stderr } = await root.run(
    `apt-get update -q && apt-get install -qy --no-install-recommends ${packages.join(' ')} &&
    useradd --create-home --shell /bin/bash admin && mkdir -p /etc/sudoers.d && echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin`,
    { timeoutMs: 15 * minuteMs },
  );
  if (exitCode !== 0) throw new Error(`apt-get in ${directory} failed: ${stderr}`);
  return root;
}

const aptSettings = `
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Dpkg::Options { "--force-unsafe-io"; };
`;

const isolated = ['--mount', '--pid', '--uts', '--fork', '--kill-child', '--propagation', 'private'];

const enter = `
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t tmpfs -o mode=1777 tmpfs "$1/tmp" &&
exec /usr/sbin/chroot "$1" env -i HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \\
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash --norc`;

/** The machine's own mirror. @throws Error, for which a test is left out, if apt has none */
async function mirror(): Promise<string> {
  const { stdout } = await runOk('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { as: 'self' });
  const [first] = stdout.split('\n').filter(url => /\/debian\/?$/.test(url));
  if (first === undefined) throw new Error('not installed: apt has no mirror of Debian');
  return first;
}

/** Puts a program of this machine into `/usr/local/bin` there. */
export function installInto(root: DebianRoot, program: string, name: string): void {
  const path = join(root.directory, 'usr/local/bin', name);
  mkdirSync(join(path, '..'), { recursive: true });
  cpSync(program, path);
  chmodSync(path, 0o755);
}
