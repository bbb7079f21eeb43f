/** What commands cost in requests, counted in archives of several sizes: the formulas of docs/scale.md. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { Config } from '../../../src/config/index.ts';
import { cleanup } from '../../../src/operations/cleanup/cleanup.ts';
import { fetch } from '../../../src/operations/fetch/fetch.ts';
import { list } from '../../../src/operations/list/list.ts';
import { push } from '../../../src/operations/push/push.ts';
import { gatherRepository } from '../../../src/operations/status/gather-repository.ts';
import { verify } from '../../../src/operations/verify/verify.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { silentLog } from '../../support/logs.ts';
import {
  backupObjectsOf,
  largeGeometry,
  objectsOfBackup,
  recordsOf,
  walOf,
} from '../../support/simulated/archive.ts';
import { SimulatedBucket } from '../../support/simulated/bucket.ts';
import { createSimulatedStore } from '../../support/simulated/store.ts';
import { makeRepository, signal, system } from '../../support/site/archive.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';
import { madeSystemId, makeControlFile } from '../../support/wal/made-control-file.ts';
import { makeSegment } from '../../support/wal/wal.ts';

interface Size {
  readonly segments: number;
  readonly backups: number;
}

/** All WAL on timeline 1, from segment 1 on. */
async function archiveOf({ segments, backups }: Size) {
  const described = { count: backups, everySegments: Math.floor(segments / backups) };
  const bucket = new SimulatedBucket([
    walOf(system, [{ timeline: 1, first: 1, count: segments }]),
    recordsOf(system, described),
    backupObjectsOf(system, described),
  ]);
  const simulated = createSimulatedStore(bucket, { latencyMs: 50 });
  const repository = await makeRepository({ store: simulated.store });
  simulated.reset();
  return { ...simulated, repository };
}

const pagesFor = (keys: number) => Math.max(1, Math.ceil(keys / 1000));

/** Below 4000 segments. */
const sizes: readonly Size[] = [
  { segments: 10, backups: 1 },
  { segments: 1000, backups: 7 },
  { segments: 3500, backups: 350 },
];

/** The listings that a survey makes beside that of `wal/`: systems, timelines, notes, records, parts of backups. */
const otherListings = ({ backups }: Size) => 3 + pagesFor(backups) + pagesFor(objectsOfBackup * backups);

const noWrites = { put: 0, head: 0, delete: 0 };

describe.each(sizes)('with $segments segments and $backups backups', size => {
  const listings = pagesFor(size.segments) + otherListings(size);

  it('list reads each listing and each record once', async () => {
    const { repository, requests } = await archiveOf(size);
    await list({ repositories: [repository], cluster: system.cluster, what: 'all', signal });
    assert.deepEqual(requests, { ...noWrites, get: 2 + size.backups, list: listings });
  });

  it('verify looks for what else lies there, and notes that it did', async () => {
    const { repository, requests } = await archiveOf(size);
    await verify({
      repositories: [repository],
      all: [repository],
      cluster: system.cluster,
      systemId: undefined,
      data: undefined,
      isRepairing: false,
      now: new Date(),
      log: silentLog,
      signal,
    });
    assert.deepEqual(requests, { ...noWrites, get: 2 + size.backups, list: listings + 2, put: 1 });
  });

  it('status costs as much as list', async () => {
    const { repository, requests } = await archiveOf(size);
    const retention = { minimumBackups: 1, timeZone: 'UTC' };
    const config: Partial<Config> = { cluster: system.cluster, repositories: [], retention };
    await gatherRepository(repository, { config: config as Config, now: new Date(), signal });
    assert.deepEqual(requests, { ...noWrites, get: 2 + size.backups, list: listings });
  });

  it('the plan of a cleanup costs as much, and a listing of what it would remove', async () => {
    const { repository, requests } = await archiveOf(size);
    const policy = { keepLast: Math.max(1, size.backups - 1), minimumBackups: 1, timeZone: 'UTC' };
    await cleanup({
      repositories: [repository],
      cluster: system.cluster,
      flags: policy,
      configured: () => policy,
      isRetired: false,
      isDryRun: true,
      now: new Date(),
      log: silentLog,
      signal,
    });
    const removed = size.backups > 1 ? 1 : 0;
    assert.deepEqual(requests, { ...noWrites, get: 1 + size.backups, list: listings + removed });
  });

  it('a recovery that comes to the end of the archive reads the catalogue once', async () => {
    const { repository, requests } = await archiveOf(size);
    const next = largeGeometry.nameOf(1, BigInt(size.segments + 1));
    assert.equal(await outcomeOf(repository, next, 'point-in-time'), 'absent');
    const found = { ...noWrites, get: 2 + size.backups, list: 5 + pagesFor(size.backups) };
    assert.deepEqual(requests, found);
  });

  it('push and fetch cost the same in every archive', async () => {
    const { repository, requests, reset } = await archiveOf(size);
    const server = makeServer();
    const counted = async (work: Promise<unknown>) => {
      reset();
      await work;
      return { ...requests };
    };
    const plain = { ...noWrites, get: 2, list: 0 };
    await server.push(repository, 1n);
    assert.deepEqual(await counted(server.push(repository, 3n)), { ...plain, put: 1 });
    assert.deepEqual(await counted(server.push(repository, 64n)), { ...plain, put: 2 }, 'with its note');
    const name = largeGeometry.nameOf(1, 3n);
    const fetched = outcomeOf(repository, name, 'point-in-time', madeSystemId);
    assert.deepEqual(await counted(fetched), { ...plain, get: 1 });
    assert.equal(await fetched, 'delivered');
  });
});

describe('a large archive', () => {
  // Four pages and two looks; then each part but the last reads a page in vain at most.
  it.each([
    { segments: 20_000, parts: 8, inVain: 6 },
    { segments: 60_000, parts: 8, inVain: 4 },
  ])('of $segments segments is listed in $parts parts', async ({ segments, parts, inVain }) => {
    const size = { segments, backups: 20 };
    const { repository, requests, elapsedMs } = await archiveOf(size);
    await list({ repositories: [repository], cluster: system.cluster, what: 'all', signal });
    assert.ok(inVain < parts);
    assert.equal(requests.list, pagesFor(segments) + 2 + inVain + otherListings(size));
    assert.ok(elapsedMs() <= 24 * 50, `${elapsedMs()} ms at 50 ms a request`);
  });
});

async function outcomeOf(
  repository: Repository,
  name: string,
  mode: 'point-in-time' | 'standby',
  systemId = system.systemId,
): Promise<string> {
  const { outcome } = await fetch({
    name,
    destination: join(temporaryDirectory('requests', { keepOwner: true }), 'RECOVERYXLOG'),
    system: { ...system, systemId },
    geometry: largeGeometry,
    mode,
    reached: [],
    timeline: undefined,
    isTargetSet: false,
    repositories: [repository],
    headerCheck: false,
    timeoutMs: 5000,
    standbyTimeoutMs: 5000,
    log: silentLog,
    signal,
  });
  return outcome;
}

/** A data directory without a server. */
function makeServer() {
  const directory = temporaryDirectory('requests', { keepOwner: true });
  for (const name of ['global', 'pg_wal']) mkdirSync(join(directory, name));
  const { segmentSizeBytes } = largeGeometry;
  const control = makeControlFile({ isBefore19: true, segmentSizeBytes });
  writeFileSync(join(directory, 'global', 'pg_control'), control);
  return {
    async push(repository: Repository, number: bigint): Promise<void> {
      const path = join(directory, 'pg_wal', largeGeometry.nameOf(1, number));
      writeFileSync(path, makeSegment({ timeline: 1, number, systemId: madeSystemId, segmentSizeBytes }));
      await push({
        path,
        cluster: system.cluster,
        dataDirectory: directory,
        repositories: [repository],
        headerCheck: false,
        timeoutMs: 60_000,
        log: silentLog,
        signal,
      });
    },
  };
}
