/** The listing of large archives against a store that computes them. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { listWal } from '../../../../src/repository/wal/list-wal.ts';
import { withMethods } from '../../../../src/stores/methods.ts';
import { listingsBy, pagesOf } from '../../../../src/stores/pages.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { largeGeometry, walOf, type TimelineWal } from '../../../support/simulated/archive.ts';
import { SimulatedBucket } from '../../../support/simulated/bucket.ts';
import { createSimulatedStore } from '../../../support/simulated/store.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';

async function archiveOf(runs: readonly TimelineWal[], maxRequests = 32) {
  const simulated = createSimulatedStore(new SimulatedBucket([walOf(system, runs)]), { maxRequests });
  const repository = await makeRepository({ store: simulated.store });
  simulated.reset();
  return { ...simulated, repository };
}

/** Three timelines with holes, one of which lies on the border of two logs. */
const withHoles: readonly TimelineWal[] = [
  { timeline: 1, first: 1, count: 9000 },
  { timeline: 1, first: 9216, count: 1 },
  { timeline: 1, first: 9220, count: 6000 },
  { timeline: 2, first: 10_000, count: 3 },
  { timeline: 3, first: 10_003, count: 8000 },
];

const rangesOf = (runs: readonly TimelineWal[]) =>
  runs.map(({ timeline, first, count }) => [timeline, BigInt(first), BigInt(first + count - 1)]);

describe('a listing of a large archive', () => {
  it('is made side by side, and finds what one page after another finds', async () => {
    const serial = await archiveOf(withHoles, 1);
    const expected = await listWal(serial.repository, system, largeGeometry, { signal });
    assert.deepEqual(
      expected.runs.map(({ timeline, first, last }) => [timeline, first, last]),
      rangesOf(withHoles),
    );
    assert.equal(serial.requests.list, 24);
    assert.equal(serial.elapsedMs(), 24 * 50);

    const parallel = await archiveOf(withHoles);
    assert.deepEqual(await listWal(parallel.repository, system, largeGeometry, { signal }), expected);
    assert.equal(parallel.mostAtOnce(), 8);
    assert.ok(parallel.elapsedMs() <= 10 * 50, `${parallel.elapsedMs()} ms`);
  });

  it('is one page after another where it is short', async () => {
    const { repository, requests } = await archiveOf([{ timeline: 1, first: 1, count: 3999 }]);
    await listWal(repository, system, largeGeometry, { signal });
    assert.equal(requests.list, 4);
  });

  it('ends with the first failure, without the pages of the other parts', async () => {
    const { repository, store, requests } = await archiveOf([{ timeline: 1, first: 1, count: 100_000 }]);
    let parts = 0;
    const failing = withMethods(store, {
      ...listingsBy(options => {
        const isPart = /\/wal\/00000001\/[0-9A-F]{8}$/.test(options.startAfter ?? '');
        if (isPart && ++parts === 3) throw new StoreError('denied', 'list: denied');
        return pagesOf(store, options);
      }),
    });
    await assert.rejects(
      listWal({ ...repository, store: failing }, system, largeGeometry, { signal }),
      /list: denied/,
    );
    assert.ok(requests.list < 50, `${requests.list} pages`);
  });
});
