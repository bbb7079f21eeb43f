import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { historyFromTree, readTimelines } from '../../../../src/repository/wal/timelines.ts';
import { listWal } from '../../../../src/repository/wal/list-wal.ts';
import { findMissing, hasLaterSegment } from '../../../../src/repository/wal/listing.ts';
import {
  archiveFile,
  archiveSegment,
  makeRepository,
  geometry,
  signal,
  system,
} from '../../../support/site/archive.ts';

/** 1 MiB segments: 4096 a log, so these cross from log 0 to log 1. */
const numbers = [4090n, 4091n, 4094n, 4095n, 4096n, 4098n];
const name = (timeline: number, number: bigint) => geometry.nameOf(timeline, number);

async function makeArchive() {
  const repository = await makeRepository();
  for (const number of numbers) await archiveSegment(repository, 1, number);
  await archiveSegment(repository, 2, 4096n);
  await archiveFile(repository, `${name(1, 4099n)}.partial`, 'x');
  await archiveFile(repository, `${name(1, 4091n)}.00000028.backup`, 'START WAL LOCATION');
  return repository;
}

describe('a listing', () => {
  it('folds segments into runs, across logs and by timeline', async () => {
    const { runs } = await listWal(await makeArchive(), system, geometry, { signal });
    assert.deepEqual(
      runs.map(({ timeline, first, last }) => [timeline, first, last]),
      [
        [1, 4090n, 4091n],
        [1, 4094n, 4096n],
        [1, 4098n, 4098n],
        [2, 4096n, 4096n],
      ],
    );
  });

  it('folds all objects into stretches: what belongs to a position keeps it from being a hole', async () => {
    const { stretches } = await listWal(await makeArchive(), system, geometry, { signal });
    assert.deepEqual(
      stretches.map(({ timeline, first, last }) => [timeline, first, last]),
      [
        [1, 4090n, 4091n],
        [1, 4094n, 4096n],
        [1, 4098n, 4099n],
        [2, 4096n, 4096n],
      ],
    );
  });

  it('finds what is missing of a range, ends included', async () => {
    const repository = await makeArchive();
    const missing = async (first: bigint, last: bigint, timeline = 1) => {
      const range = { timeline, first, last };
      const found = await Array.fromAsync(findMissing(repository, system, range, { geometry, signal }));
      return found.map(one => {
        assert.equal(one.timeline, timeline);
        return [one.first, one.last];
      });
    };
    assert.deepEqual(await missing(4090n, 4096n), [[4092n, 4093n]]);
    assert.deepEqual(await missing(4096n, 4099n), [
      [4097n, 4097n],
      [4099n, 4099n],
    ]);
    assert.deepEqual(await missing(4094n, 4096n), []);
    assert.deepEqual(await missing(4088n, 4090n), [[4088n, 4089n]]);
    assert.deepEqual(await missing(1n, 10_000n, 3), [[1n, 10_000n]]);
  });

  it('sees later segments and partials, but not what belongs to the segment itself', async () => {
    const repository = await makeArchive();
    const later = (segment: bigint, timeline = 1) =>
      hasLaterSegment(repository, system, { timeline, segment }, { geometry, signal });
    assert.equal(await later(4092n), true);
    assert.equal(await later(4098n), true, 'a partial counts');
    assert.equal(await later(4099n), false, 'its own partial does not');
    assert.equal(await later(4096n, 2), false);
  });
});

describe('the tree of timelines', () => {
  it('comes from histories', async () => {
    const repository = await makeRepository();
    await archiveFile(repository, '00000002.history', '1\t0/300000\tno recovery target specified\n');
    await archiveFile(repository, '00000003.history', '1\t0/500000\tbefore 2026\n');
    await archiveFile(repository, '00000004.history', '1\t0/300000\tx\n2\t0/400000\ty\n');
    const { tree, historyTimes } = await readTimelines(repository, system, signal);
    assert.deepEqual([...historyTimes.keys()], [2, 3, 4]);
    assert.deepEqual(tree.get(4), { parent: 2, switchpoint: 0x400000n });
    assert.deepEqual(
      historyFromTree(tree, 4).map(({ timeline, switchpoint }) => [timeline, switchpoint]),
      [
        [1, 0x300000n],
        [2, 0x400000n],
      ],
    );
  });

  it('leaves out a history that cannot be read, and names it', async () => {
    const repository = await makeRepository();
    await archiveFile(repository, '00000002.history', '1\t0/300000\tx\n');
    await archiveFile(repository, '00000003.history', '\0'.repeat(41));
    await archiveFile(repository, '00000004.history', '');
    const put = (name: string, body: string) =>
      repository.store.put(`orders/7300000000000000001/timelines/${name}`, [Buffer.from(body)], {
        ifAbsent: false,
        objectClass: 'catalog',
        signal,
      });
    await put('00000005.history', '');
    await put('00000006.history', '<html>');
    await put('00000007.history', '7\t0/300000\tx\n');
    await put('00000008.history', 'x'.repeat(17 * 1024 ** 2));
    const { tree, historyTimes, unusable } = await readTimelines(repository, system, signal);
    assert.deepEqual([...tree.keys()], [2]);
    assert.deepEqual([...historyTimes.keys()], [2]);
    assert.deepEqual([...unusable.keys()], [3, 4, 5, 6, 7, 8]);
    for (const [timeline, problem] of unusable)
      assert.match(problem, new RegExp(`timelines/0000000${timeline}\\.history: `));
  });

  it('is read from the content when metadata was lost', async () => {
    const repository = await makeRepository();
    await archiveFile(repository, '00000002.history', '1\t0/300000\tx\n');
    const key = 'orders/7300000000000000001/timelines/00000002.history';
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await repository.store.get(key, { signal })).body) chunks.push(chunk);
    await repository.store.put(key, chunks, { ifAbsent: false, objectClass: 'wal', signal });
    assert.deepEqual((await readTimelines(repository, system, signal)).tree.get(2), {
      parent: 1,
      switchpoint: 0x300000n,
    });
  });
});
