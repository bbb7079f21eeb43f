/**
 * Power cuts: the disk still has every file for which `push` exited 0, even if an earlier push of the same file died
 * between renaming it and making the name durable (P1).
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { walKey } from '../../../src/repository/format/layout.ts';
import { createSite, type Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import { walFile } from '../wal/wal.ts';
import { createDisk, type Disk, type DiskType } from './file-systems.ts';
import { createPusher, patience, type Pusher, type Segment } from './pusher.ts';
import { runWithFault } from './strace.ts';

export interface PowerCutFigures {
  /** fsyncs of one push, each of which was the last thing a push did. */
  readonly killedAtFsync: number;
  /** Killed after the name was given and before it was durable: the power cut took it, the second push did not let it. */
  readonly namedAndLost: number;
  readonly cutsAfterSuccess: number;
}

export async function cutPower(type: DiskType, successes: number): Promise<PowerCutFigures> {
  const disk = createDisk(96, type);
  try {
    const site = await createSite({ repositoryUrl: () => `file://${join(disk.path, 'repository')}` });
    const pusher = await createPusher(site, { segmentSizeMiB: 1 });
    let number = 1;
    for (let index = 0; index < successes; index++) {
      const segment = pusher.writeSegment(number++);
      assert.equal((await pusher.push(segment)).exitCode, 0);
      await assertSurvives(site, disk, pusher, segment);
    }
    let namedAndLost = 0;
    let killedAtFsync = 0;
    for (;;) {
      const segment = pusher.writeSegment(number++);
      const outcome = await killAtFsync(site, disk, pusher, { segment, nth: killedAtFsync + 1 });
      if (outcome === 'not-killed') break;
      killedAtFsync++;
      if (outcome === 'named-and-lost') namedAndLost++;
      const second = await pusher.push(segment);
      assert.equal(second.exitCode, 0, second.stderr);
      await assertSurvives(site, disk, pusher, segment);
    }
    return { killedAtFsync, namedAndLost, cutsAfterSuccess: successes };
  } finally {
    disk.close();
  }
}

interface Killing {
  readonly segment: Segment;
  readonly nth: number;
}

async function killAtFsync(site: Site, disk: Disk, pusher: Pusher, { segment, nth }: Killing) {
  const push = ['push', `pg_wal/${segment.name}`];
  const injection = { calls: 'fsync,fdatasync', effect: 'signal=KILL', nth } as const;
  const env = { ...site.readerEnv, ...patience, WALVAULT_CONFIG: site.configPath };
  const killed = await runWithFault(push, injection, { cwd: pusher.directory, env });
  const path = objectPath(join(disk.path, 'repository'), pusher, segment);
  if (killed.exitCode === 0) {
    assert.ok(existsSync(path));
    return 'not-killed';
  }
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const isNamed = existsSync(path);
  const after = disk.cutPower();
  try {
    const seen = await fetchAfter(site, disk, after.path, pusher, segment);
    assert.ok(seen.result.exitCode === 0 || seen.result.exitCode === 1, seen.result.stderr);
    if (seen.data !== undefined) assert.ok(seen.data.equals(segment.data), `${segment.name} is torn`);
    return isNamed && seen.data === undefined ? 'named-and-lost' : 'killed';
  } finally {
    after.close();
  }
}

/** The object decodes, its metadata is beside it, and a push of the same file agrees with it. */
async function assertSurvives(site: Site, disk: Disk, pusher: Pusher, segment: Segment): Promise<void> {
  const after = disk.cutPower();
  try {
    const path = objectPath(join(after.path, 'repository'), pusher, segment);
    assert.ok(existsSync(path), `${segment.name} was archived, and the power cut took it`);
    const beside = readdirSync(dirname(path)).filter(name => name.startsWith(`${basename(path)}.`));
    assert.ok(
      beside.some(name => name.endsWith('.meta')),
      `${segment.name} has lost its metadata`,
    );
    const { result, data } = await fetchAfter(site, disk, after.path, pusher, segment);
    assert.ok(data?.equals(segment.data), result.stderr);
    const again = await pusher.push(segment, { env: { WALVAULT_CONFIG: configFor(site, disk, after.path) } });
    assert.equal(again.exitCode, 0, again.stderr);
  } finally {
    after.close();
  }
}

async function fetchAfter(site: Site, disk: Disk, mounted: string, pusher: Pusher, segment: Segment) {
  return pusher.fetch(segment, { env: { WALVAULT_CONFIG: configFor(site, disk, mounted) } });
}

function objectPath(repository: string, { systemId }: Pusher, { name }: Segment): string {
  return join(repository, walKey({ cluster: 'orders', systemId }, walFile(name)));
}

/** The site's configuration with the repository on another disk. */
function configFor(site: Site, disk: Disk, mounted: string): string {
  const directory = temporaryDirectory('config');
  const path = join(directory, 'walvault.toml');
  const text = readFileSync(site.configPath, 'utf8');
  assert.ok(text.includes(disk.path));
  writeFileSync(path, text.replaceAll(disk.path, mounted));
  giveToUnprivileged(directory);
  return path;
}
