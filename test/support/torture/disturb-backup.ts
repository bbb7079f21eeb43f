/**
 * `backup` disturbed at moments that a seed chooses, in turn: its process is killed or told to end, its store goes away or is full,
 * its server restarts. No backup is listed that is not whole, the next run succeeds, and what was left goes with a cleanup.
 */
import assert from 'node:assert/strict';
import { readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { restoreInto, verifyWithPostgres } from '../site/cycle.ts';
import { archiveEverything, commitRows, createSite, type Site } from '../site/site.ts';
import { Auditor } from './audit.ts';
import { createSmallFileSystem } from './file-systems.ts';
import { startFilledOrigin } from './filled-origin.ts';
import { Seeded } from './interleavings/seeded.ts';
import { assertListed, assertRecovers } from './kill-backup.ts';

export interface DisturbBackupFigures {
  readonly rounds: number;
  readonly failed: number;
  /** The backup was committed all the same. */
  readonly committed: number;
  /** Taken away by the cleanup at the end. */
  readonly unfinishedBackups: number;
}

/** A backup under way. */
interface Scene {
  readonly server: PostgresServer;
  readonly repositoryPath: string;
  readonly child: { kill(signal: NodeJS.Signals): void };
  readonly random: Seeded;
}

/** Each ends with everything as it was, but for the backup. */
const disturbances: Readonly<Record<string, (scene: Scene) => Promise<void> | void>> = {
  'kill -9': ({ child }) => child.kill('SIGKILL'),
  SIGTERM: ({ child }) => child.kill('SIGTERM'),
  /** As when the mount of a network file system is lost. */
  async outage({ repositoryPath, random }) {
    renameSync(repositoryPath, `${repositoryPath}.away`);
    await delay(3000 * random.next());
    renameSync(`${repositoryPath}.away`, repositoryPath);
  },
  async 'full disk'({ repositoryPath, random }) {
    const filler = join(repositoryPath, '..', 'filler');
    fillUp(filler);
    await delay(3000 * random.next());
    rmSync(filler);
  },
  async 'server restart'({ server, random }) {
    await server.stop(random.pick(['fast', 'immediate', 'kill'] as const));
    await server.start();
  },
};

const names = Object.keys(disturbances);
const repositorySize = '400m';

/** Needs a file system of its own for the repository (`requireMounts`). */
export async function disturbBackups(
  seed: number,
  rounds: number,
  say: (line: string) => void,
): Promise<DisturbBackupFigures> {
  const random = new Seeded(seed);
  const disk = createSmallFileSystem(repositorySize);
  const repositoryPath = join(disk.path, 'repository');
  const site = await createSite({ repositoryUrl: () => `file://${repositoryPath}` });
  const { server, systemId } = await startFilledOrigin(site, 16);
  await using _server = server;
  const auditor = new Auditor(site, systemId);
  let usualMs = (await takeBackup(site, server)).elapsedMs;
  let complete = 1;
  let failed = 0;
  let committed = 0;
  for (let row = 2; row < rounds + 2; row++) {
    await commitRows(server, row, row);
    const name = names[row % names.length] ?? '';
    const afterMs = random.next() * usualMs;
    const result = await disturbed(site, server, {
      afterMs,
      disturb: disturbances[name],
      random,
      repositoryPath,
    });
    say(`${name} after ${Math.round(afterMs)} ms: ${result.signal ?? `status ${result.exitCode}`}`);
    const { backups } = await auditor.audit();
    const isCommitted = backups.length > complete;
    assert.ok(isCommitted || result.exitCode !== 0, `${name}: status 0, and no backup`);
    assert.ok(backups.length <= complete + 1);
    if (result.exitCode === 0) committed++;
    else failed++;
    await assertListed(site, backups.length);

    usualMs = Math.min(usualMs, (await takeBackup(site, server)).elapsedMs);
    complete = (await auditor.audit()).backups.length;
    assert.equal(complete, backups.length + 1);
  }
  await archiveEverything(server);
  await verifyWithPostgres(server, await restoreInto(site, []));
  await assertRecovers(site, rounds + 1);
  const unfinishedBackups = (await auditor.audit()).unfinishedBackups.length;
  await assertCleanedUp(site, auditor, join(repositoryPath, 'orders', String(systemId), 'backups'));
  return { rounds, failed, committed, unfinishedBackups };
}

async function takeBackup(site: Site, server: PostgresServer) {
  const taken = await site.walvault(['backup', '--fast'], { env: server.env, timeoutMs: 180_000 });
  assert.equal(taken.exitCode, 0, taken.stderr);
  return taken;
}

interface Disturbance extends Pick<Scene, 'random' | 'repositoryPath'> {
  readonly afterMs: number;
  readonly disturb: ((scene: Scene) => Promise<void> | void) | undefined;
}

async function disturbed(
  site: Site,
  server: PostgresServer,
  { afterMs, disturb, random, repositoryPath }: Disturbance,
) {
  let over: Promise<void> | undefined;
  const result = await site.walvault(['backup', '--fast', '--jobs', '2'], {
    env: server.env,
    timeoutMs: 180_000,
    onStart(child) {
      over = delay(afterMs).then(() => disturb?.({ server, repositoryPath, child, random }));
    },
  });
  await over;
  return result;
}

/** Bytes on the disk, not a hole. */
function fillUp(path: string): void {
  const mebibyte = Buffer.alloc(1024 ** 2, 1);
  try {
    for (;;) writeFileSync(path, mebibyte, { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** An unfinished backup may be one in progress for a week. */
async function assertCleanedUp(site: Site, auditor: Auditor, directory: string): Promise<void> {
  const longAgo = new Date(Date.now() - 30 * 24 * 3_600_000);
  const { unfinishedBackups } = await auditor.audit();
  for (const id of unfinishedBackups)
    for (const name of readdirSync(join(directory, id), { recursive: true, encoding: 'utf8' }))
      utimesSync(join(directory, id, name), longAgo, longAgo);
  const cleaned = await site.walvault(['cleanup', '--keep-last', '1'], { timeoutMs: 180_000 });
  assert.equal(cleaned.exitCode, 0, cleaned.stderr);
  const left = await auditor.audit();
  assert.equal(left.backups.length, 1);
  assert.deepEqual(left.unfinishedBackups, []);
  assert.deepEqual(left.temporaryFiles, []);
}
