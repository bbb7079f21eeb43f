/** A server under pgbench's load, its own archiver, and every archived segment compared with the original. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseWalFileName } from '../../../src/postgres/wal/file-name.ts';
import { runOk } from '../site/run.ts';
import { until, type Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import { allArchived, readyCount } from './all-archived.ts';
import { patience } from './pusher.ts';
import { readArchiver } from '../../../src/postgres/server/archiver.ts';

export interface ArchiveLoadFigures {
  readonly segments: number;
  readonly storedBytes: number;
  /** From the first transaction to the last segment archived. */
  readonly elapsedMs: number;
  readonly failedCount: number;
}

const segmentSizeBytes = 16 * 1024 ** 2;

/** At least `segments` of 16 MiB each. Needs that much scratch space for the originals. */
export async function archiveLoad(site: Site, segments: number): Promise<ArchiveLoadFigures> {
  const originals = temporaryDirectory('originals');
  // A recycled segment would be overwritten under its hard link: wal_recycle is off.
  const wrapper = join(temporaryDirectory('wrapper'), 'archive');
  writeFileSync(wrapper, `#!/bin/sh\nln -f "$1" ${originals}/ && exec ${site.command('push "$1"')}\n`);
  chmodSync(wrapper, 0o755);
  giveToUnprivileged(originals);
  await using server = await site.startOrigin({
    initdbArgs: ['--wal-segsize=16'],
    conf: {
      archive_command: `'${wrapper} %p'`,
      wal_recycle: 'off',
      max_wal_size: '1GB',
      shared_buffers: '128MB',
    },
  });
  const pgbench = join(server.binDir, 'pgbench');
  assert.ok(existsSync(pgbench), `${pgbench} is missing: install postgresql-15`);
  const startedAt = performance.now();
  await runOk(pgbench, ['-i', '-q', '-s', '20'], { env: server.env });
  const archivedCount = async () => {
    const { archivedCount: archived, failedCount: failed } = await readArchiver(server);
    return { archived, failed };
  };
  let written = 0;
  while (written < segments) {
    await runOk(pgbench, ['-n', '-c', '2', '-T', '5'], { env: server.env });
    // Random text beside pgbench's own rows, so that a segment is full in a second and hard to compress.
    await server.query('create table if not exists bulk(t text)');
    await server.query(
      `insert into bulk select md5(random()::text) || md5(random()::text) from generate_series(1, 1500000)`,
    );
    await server.query('truncate bulk');
    written = readdirSync(originals).length + readyCount(server);
  }
  await allArchived(server, 300_000);
  const elapsedMs = performance.now() - startedAt;
  await until('enough is archived', async () => (await archivedCount()).archived >= segments);
  const { failed } = await archivedCount();
  const compared = await compareAll(site, server.dataDirectory, originals);
  assert.ok(compared.segments >= segments, `${compared.segments} segments`);
  return { ...compared, elapsedMs, failedCount: failed };
}

async function compareAll(site: Site, dataDirectory: string, originals: string) {
  const destination = join(temporaryDirectory('fetched'), 'segment');
  let segments = 0;
  let storedBytes = 0;
  for (const name of readdirSync(originals).toSorted()) {
    const fetched = await site.walvault(['fetch', name, destination], { cwd: dataDirectory, env: patience });
    assert.equal(fetched.exitCode, 0, fetched.stderr);
    const original = join(originals, name);
    assert.ok(readFileSync(destination).equals(readFileSync(original)), `${name} differs from the original`);
    if (parseWalFileName(name)?.kind === 'segment') {
      assert.equal(readFileSync(original).length, segmentSizeBytes);
      segments++;
    }
    rmSync(original);
    rmSync(destination);
  }
  for (const name of readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' }))
    if (/\/wal\/.*\/[0-9A-F]{24}$/.test(name))
      storedBytes += readFileSync(join(site.repositoryPath, name)).length;
  return { segments, storedBytes };
}
