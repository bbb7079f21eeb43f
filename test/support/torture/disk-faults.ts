/** A disk that is full or fails while push, fetch, backup and restore use it: one clear message, and no incomplete file is visible. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '../site/run.ts';
import { createSite } from '../site/site.ts';
import { Auditor } from './audit.ts';
import { createSmallFileSystem } from './file-systems.ts';
import { startFilledOrigin } from './filled-origin.ts';
import { createPusher, patience } from './pusher.ts';
import { runWithFault } from './strace.ts';

const localIo = 15;

/** Every fsync of a push fails in turn, then each: no failure is taken for success. Returns how many were tried. */
export async function failFsyncs(): Promise<number> {
  const site = await createSite();
  const pusher = await createPusher(site, { segmentSizeMiB: 1 });
  const auditor = new Auditor(site, pusher.systemId);
  assert.equal((await pusher.push(pusher.writeSegment(1))).exitCode, 0);
  const env = { ...site.readerEnv, WALVAULT_CONFIG: site.configPath };
  const pushWithFault = (name: string, nth?: number) =>
    runWithFault(
      ['push', `pg_wal/${name}`],
      { calls: 'fsync,fdatasync', effect: 'error=EIO', ...(nth !== undefined && { nth }) },
      { cwd: pusher.directory, env },
    );
  for (let nth = 1; ; nth++) {
    const segment = pusher.writeSegment(nth + 1);
    const result = await pushWithFault(segment.name, nth);
    await auditor.audit();
    if (result.exitCode === 0) {
      assertFailed(await pushWithFault(pusher.writeSegment(nth + 2).name), /input\/output error/);
      return nth - 1;
    }
    assertFailed(result, /input\/output error/);
    const second = await pusher.push(segment);
    assert.equal(second.exitCode, 0, second.stderr);
  }
}

/** The repository's file system has room for two and a half segments. */
export async function fillDuringPush(): Promise<void> {
  using disk = disposable(createSmallFileSystem('2600k'));
  const site = await createSite({ repositoryUrl: () => `file://${join(disk.path, 'repository')}` });
  const pusher = await createPusher(site, { segmentSizeMiB: 1 });
  const auditor = new Auditor({ ...site, repositoryPath: disk.path }, pusher.systemId);
  for (const number of [1, 2]) assert.equal((await pusher.push(pusher.writeSegment(number))).exitCode, 0);
  const third = pusher.writeSegment(3);
  assertFailed(await pusher.push(third), /no space left on device/);
  const { temporaryFiles } = await auditor.audit();
  assert.deepEqual(temporaryFiles, []);
  assert.equal((await pusher.fetch(third)).result.exitCode, 1, 'it is absent');
}

export async function fillDuringFetch(): Promise<void> {
  const site = await createSite();
  const pusher = await createPusher(site, { segmentSizeMiB: 1 });
  const segment = pusher.writeSegment(1);
  assert.equal((await pusher.push(segment)).exitCode, 0);
  using disk = disposable(createSmallFileSystem('600k'));
  const destination = join(disk.path, 'RECOVERYXLOG');
  const result = await site.walvault(['fetch', segment.name, destination], {
    cwd: pusher.directory,
    env: patience,
  });
  assertFailed(result, /no space left on device/);
  assert.deepEqual(readdirSync(disk.path), []);
}

/** WAL and catalogue have room; the file system under `backups` has none. */
export async function fillDuringBackup(): Promise<void> {
  const site = await createSite();
  const { server, systemId } = await startFilledOrigin(site, 8);
  await using _server = server;
  const backups = join(site.repositoryPath, 'orders', String(systemId), 'backups');
  const disk = createSmallFileSystem('2m', { on: backups });
  const auditor = new Auditor(site, systemId);
  const result = await site.walvault(['--quiet', 'backup', '--fast'], { env: server.env });
  assertFailed(result, /no space left on device/);
  const { backups: committed, temporaryFiles } = await auditor.audit();
  assert.deepEqual(committed, []);
  assert.deepEqual(temporaryFiles, []);
  disk.close();
  rmdirSync(backups);
  const next = await site.walvault(['backup', '--fast'], { env: server.env });
  assert.equal(next.exitCode, 0, next.stderr);
  assert.equal((await auditor.audit()).backups.length, 1);
}

/** Too little room is refused before anything is written; too few inodes show in the middle only. */
export async function fillDuringRestore(): Promise<void> {
  const site = await createSite();
  const { server } = await startFilledOrigin(site, 8);
  const taken = await site.walvault(['backup', '--fast'], { env: server.env });
  assert.equal(taken.exitCode, 0, taken.stderr);
  await server.stop();

  using small = disposable(createSmallFileSystem('10m'));
  const refused = await site.walvault(['--quiet', 'restore', join(small.path, 'data')]);
  assert.equal(refused.exitCode, 14, refused.stderr);
  assert.match(refused.stderr, /^walvault: .* need .* free\nHINT: {2}.+\n$/);
  assert.deepEqual(readdirSync(small.path), []);

  using crowded = disposable(createSmallFileSystem('512m', { files: 300 }));
  const failed = await site.walvault(['--quiet', 'restore', join(crowded.path, 'data')]);
  assertFailed(failed, /no space left on device/);
  assert.ok(!existsSync(join(crowded.path, 'data', 'global', 'pg_control')));
  assert.deepEqual(readdirSync(crowded.path), [], 'what was written is removed');
}

function assertFailed(result: RunResult, message: RegExp): void {
  assert.equal(result.exitCode, localIo, `${result.signal ?? ''}${result.stderr}`);
  assert.match(result.stderr, /^walvault: [^\n]+\n(HINT: {2}[^\n]+\n)?$/);
  assert.match(result.stderr, message);
}

function disposable<T extends { close(): void }>(mounted: T): T & Disposable {
  return { ...mounted, [Symbol.dispose]: () => mounted.close() };
}
