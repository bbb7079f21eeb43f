/** Planted WAL under `require`: what no trusted signer signed decides nothing and stops nobody. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { hasLaterSegment } from '../../../../src/repository/wal/listing.ts';
import { makeSignedArchive, plant, type SignedArchive } from '../../../support/hostile/archive.ts';
import { recordingLog } from '../../../support/site/backup-fixtures.ts';
import { archiveSegment, geometry, overrideStore, signal, system } from '../../../support/site/archive.ts';
import { walFile } from '../../../support/wal/wal.ts';

let archive: SignedArchive;
let required: Repository;
beforeEach(async () => {
  archive = await makeSignedArchive();
  required = archive.as('require');
});

const plantSegment = (segment: bigint, timeline = 1) =>
  plant(required, walKey(system, walFile(geometry.nameOf(timeline, segment))), 'junk');
const plantPartial = (segment: bigint, number: number) => {
  const digest = number.toString(16).padStart(16, '0');
  return plant(required, `${walKey(system, walFile(geometry.nameOf(1, segment)))}.partial.${digest}`, 'junk');
};

function counting(repository: Repository): { readonly repository: Repository; heads: number } {
  const { store } = repository;
  const counted = { repository, heads: 0 };
  counted.repository = {
    ...repository,
    store: overrideStore(store, {
      head: (key, options) => {
        counted.heads++;
        return store.head(key, options);
      },
    }),
  };
  return counted;
}

async function runsOf(repository: Repository) {
  const survey = surveySystem(repository, system, signal);
  const { runs } = await survey.wal(geometry);
  return { survey, runs: runs.map(({ timeline, first, last }) => [timeline, first, last]) };
}

describe('a later segment', () => {
  const later = (repository = required) =>
    hasLaterSegment(repository, system, { timeline: 1, segment: 5n }, { geometry, signal });

  it('shows no hole where it was planted, and one where it was archived', async () => {
    for (let segment = 6n; segment < 9n; segment++) await plantSegment(segment);
    assert.equal(await later(), false);
    assert.equal(await later(archive.as('warn')), true);
    await archiveSegment(required, 1, 9n);
    assert.equal(await later(), true);
  });

  it('is seen behind thousands of planted partials of one position', async () => {
    for (let number = 0; number < 3000; number++) await plantPartial(6n, number);
    assert.equal(await later(), false);
    await archiveSegment(required, 1, 7n);
    assert.equal(await later(), true);
  });

  it('is looked for in bounded work', async () => {
    for (let segment = 6n; segment < 5000n; segment++) await plantSegment(segment);
    const counted = counting(required);
    assert.equal(await later(counted.repository), false);
    assert.ok(counted.heads < 200, `${counted.heads} objects looked at`);
  });
});

describe('the runs of segments', () => {
  it('end where belief ends, on both sides, and what is passed over is counted and told once', async () => {
    for (let segment = 100n; segment < 140n; segment++) await archiveSegment(required, 1, segment);
    for (let segment = 60n; segment < 100n; segment++) await plantSegment(segment);
    for (let segment = 140n; segment < 170n; segment++) await plantSegment(segment);
    await plantSegment(4000n);
    await plantSegment(7n, 99);
    const log = recordingLog();
    const { survey, runs } = await runsOf(archive.as('require', { log }));
    assert.deepEqual(runs, [[1, 100n, 139n]]);
    assert.equal(survey.passedOver.count, 40 + 30 + 2);
    const told = log.events.filter(({ message }) => message.includes('for nothing'));
    assert.equal(told.length, 1, JSON.stringify(told));
    assert.deepEqual((await runsOf(archive.as('warn'))).runs, [
      [1, 60n, 169n],
      [1, 4000n, 4000n],
      [99, 7n, 7n],
    ]);
  });

  it('are not judged object by object', async () => {
    for (let segment = 1n; segment < 300n; segment++) await archiveSegment(required, 1, segment);
    const counted = counting(required);
    assert.deepEqual((await runsOf(counted.repository)).runs, [[1, 1n, 299n]]);
    assert.equal(counted.heads, 2);
    for (let segment = 1000n; segment < 9000n; segment += 2n) await plantSegment(segment);
    counted.heads = 0;
    assert.deepEqual((await runsOf(counted.repository)).runs, [[1, 1n, 299n]]);
    assert.ok(counted.heads < 3000, `${counted.heads} objects looked at`);
  });

  it('count by the signature inside where metadata is lost', async () => {
    const reader = archive.as('require', { keys: archive.reader });
    for (const segment of [3n, 4n, 5n]) {
      await archiveSegment(reader, 1, segment);
      const key = walKey(system, walFile(geometry.nameOf(1, segment)));
      const body = await Array.fromAsync((await required.store.get(key, { signal })).body);
      await plant(required, key, Buffer.concat(body), { replace: true });
    }
    await plantSegment(6n);
    assert.deepEqual((await runsOf(reader)).runs, [[1, 3n, 5n]]);
  });
});

it('timelines that nothing believed is known of are told apart, whatever else was planted there', async () => {
  await archiveSegment(required, 1, 3n);
  await archiveSegment(required, 5, 3n);
  for (const timeline of [4, 5, 99])
    for (const segment of [1n, 2n, 8n]) await plantSegment(segment, timeline);
  const planted = await surveySystem(required, system, signal).plantedTimelines(geometry);
  assert.deepEqual([...planted], [4, 99]);
  const warned = await surveySystem(archive.as('warn'), system, signal).plantedTimelines(geometry);
  assert.deepEqual([...warned], []);
});
