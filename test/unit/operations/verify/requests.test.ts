/** What looking at the continuity of a large archive costs in requests (docs/scale.md). */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { verify } from '../../../../src/operations/verify/verify.ts';
import { ensureClusterRecord } from '../../../../src/repository/format/cluster-record.ts';
import { createMarker } from '../../../../src/repository/format/marker.ts';
import { silentLog } from '../../../support/logs.ts';
import {
  backupObjectsOf,
  largeGeometry,
  objectsOfBackup,
  recordsOf,
  walOf,
} from '../../../support/simulated/archive.ts';
import { SimulatedBucket } from '../../../support/simulated/bucket.ts';
import { createSimulatedStore } from '../../../support/simulated/store.ts';
import { plainCodec, signal, system } from '../../../support/site/archive.ts';

test('verify lists each page once, reads each record once, and asks for no segment', async () => {
  const count = 20_000;
  const backups = { count: 100, everySegments: 150 };
  const { store, requests, reset } = createSimulatedStore(
    new SimulatedBucket([
      backupObjectsOf(system, backups),
      recordsOf(system, backups),
      walOf(system, [{ timeline: 1, first: 1, count }]),
    ]),
  );
  const repository = { name: 'main', required: true, expectedId: undefined, store, codec: plainCodec() };
  await createMarker(store, signal);
  const record = { postgresMajor: 15, geometry: largeGeometry, blockSizeBytes: 8192 };
  await ensureClusterRecord(repository, system, record, signal);
  reset();
  const [result] = await verify({
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
  assert.deepEqual([result?.problem, result?.systems[0]?.findings], [undefined, []]);
  const pages = Math.ceil(count / 1000) + Math.ceil((backups.count * objectsOfBackup) / 1000) + 1;
  assert.ok(requests.list <= pages + 20, `${requests.list} pages listed`);
  assert.ok(requests.get <= backups.count + 2, `${requests.get} objects read`);
  assert.deepEqual([requests.head, requests.put, requests.delete], [0, 1, 0]);
});
