import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { silentLog, wordsInto } from '../../../../support/logs.ts';
import type { Words } from '../../../../../src/observe/words/table.ts';

import { deliverLossRecords, foldRecords } from '../../../../../src/repository/wal/deliver-loss-records.ts';
import {
  lossRecordsDirectory,
  readLossRecords,
  recordLoss,
  type LossRecord,
} from '../../../../../src/repository/wal/loss-records.ts';
import type { LostWal } from '../../../../../src/repository/format/notes/lost-wal.ts';
import { boundsOf, stillMissing } from '../../../../../src/repository/wal/lost-wal.ts';
import { surveySystem } from '../../../../../src/repository/survey.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { StoreError } from '../../../../../src/stores/store.ts';
import { archiveSegment, makeRepository, overrideStore, geometry, segmentSizeBytes, signal, system } from '../../../../support/site/archive.ts'; // prettier-ignore
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 3, minute));

function lostOf(first: bigint, last: bigint, timeline = 1): LostWal {
  return {
    timeline,
    first,
    last,
    lostFrom: at(0),
    lostTo: at(1),
    host: 'db1',
    backlogBytes: 9 * segmentSizeBytes,
    limitBytes: 8 * segmentSizeBytes,
    reason: 'no answer',
  };
}

function recordOf(number: bigint, changes: Partial<LossRecord> = {}): LossRecord {
  return {
    systemId: system.systemId,
    segment: geometry.nameOf(1, number),
    segmentSizeBytes,
    time: at(Number(number)),
    host: 'db1',
    backlogBytes: 9 * segmentSizeBytes,
    limitBytes: 8 * segmentSizeBytes,
    reason: 'no answer',
    ...changes,
  };
}

const rangesOf = (losses: readonly LostWal[]) =>
  losses.map(({ timeline, first, last }) => [timeline, first, last]);
const run = (timeline: number, first: bigint, last: bigint) => ({ timeline, first, last, storedBytes: 1, lastModified: at(0) }); // prettier-ignore

describe('losses', () => {
  it('are missing only where nothing was archived after all, and count once', () => {
    const losses = [lostOf(5n, 9n), lostOf(8n, 12n), lostOf(5n, 5n, 2)];
    assert.deepEqual(rangesOf(stillMissing(losses, [])), [[1, 5n, 9n], [1, 10n, 12n], [2, 5n, 5n]]); // prettier-ignore
    const runs = [run(1, 1n, 4n), run(1, 6n, 7n), run(1, 12n, 40n)];
    assert.deepEqual(rangesOf(stillMissing(losses, runs)), [[1, 5n, 5n], [1, 8n, 9n], [1, 10n, 11n], [2, 5n, 5n]]); // prettier-ignore
    assert.deepEqual(stillMissing([lostOf(5n, 9n)], [run(1, 5n, 9n)]), []);
  });

  it('lie between the last backup before and the first one beyond', () => {
    const size = BigInt(segmentSizeBytes);
    const backup = (id: string, from: bigint, to: bigint) => ({
      id,
      startLsn: from * size,
      stopLsn: to * size,
    });
    const backups = [backup('across', 4n, 6n), backup('beyond', 10n, 11n), backup('later', 20n, 21n), backup('before', 2n, 3n)]; // prettier-ignore
    const { before, beyond } = boundsOf(lostOf(5n, 9n), backups, geometry);
    assert.deepEqual([before?.id, beyond?.id], ['before', 'beyond']);
    assert.deepEqual(boundsOf(lostOf(5n, 9n), [], geometry), {
      before: undefined,
      beyond: undefined,
    });
  });
});

describe('records of losses', () => {
  it('are read as they were written, in order, and fold into ranges', async () => {
    const directory = temporaryDirectory('data', { keepOwner: true });
    for (const number of [7n, 5n, 6n, 9n]) await recordLoss(directory, recordOf(number));
    const records = await readLossRecords(directory, silentLog);
    assert.deepEqual(records, [5n, 6n, 7n, 9n].map(number => recordOf(number))); // prettier-ignore
    const [folded, ...others] = foldRecords(records);
    assert.equal(others.length, 0);
    assert.deepEqual(rangesOf(folded?.losses ?? []), [[1, 5n, 7n], [1, 9n, 9n]]); // prettier-ignore
    assert.deepEqual([folded?.losses[0]?.lostFrom, folded?.losses[0]?.lostTo], [at(5), at(7)]);
  });

  it('that are damaged are warned about and stay; a directory without any has none', async () => {
    const directory = temporaryDirectory('data', { keepOwner: true });
    assert.deepEqual(await readLossRecords(directory, silentLog), []);
    mkdirSync(join(directory, lossRecordsDirectory));
    writeFileSync(join(directory, lossRecordsDirectory, 'x.json'), '{"segment":"nonsense"}');
    const said: Words[] = [];
    const log = wordsInto(said);
    assert.deepEqual(await readLossRecords(directory, log), []);
    assert.match(said.map(({ message }) => message).join(), /x\.json: not a record of WAL that was given up/);
    assert.ok(existsSync(join(directory, lossRecordsDirectory, 'x.json')));
  });
});

describe('delivering records', () => {
  const lostIn = async (repository: Repository) =>
    rangesOf(await surveySystem(repository, system, signal).lostWal(geometry));

  async function deliver(dataDirectory: string, repositories: readonly Repository[]): Promise<number> {
    return await deliverLossRecords({
      dataDirectory,
      cluster: system.cluster,
      repositories,
      log: silentLog,
      signal,
    });
  }

  it('notes in each repository what that one lacks, then removes them', async () => {
    const directory = temporaryDirectory('data', { keepOwner: true });
    for (const number of [5n, 6n, 7n]) await recordLoss(directory, recordOf(number));
    const [one, other] = [await makeRepository(), await makeRepository({ name: 'other' })];
    await archiveSegment(other, 1, 6n);
    assert.equal(await deliver(directory, [one, other]), 0);
    assert.deepEqual(await lostIn(one), [[1, 5n, 7n]]);
    assert.deepEqual(await lostIn(other), [[1, 5n, 5n], [1, 7n, 7n]]); // prettier-ignore
    assert.deepEqual(readdirSync(join(directory, lossRecordsDirectory)), []);
    const [loss] = await surveySystem(one, system, signal).lostWal(geometry);
    assert.deepEqual(
      { ...loss, verdict: undefined },
      { ...lostOf(5n, 7n), lostFrom: at(5), lostTo: at(7), verdict: undefined },
    );
  });

  it('keeps them while a required repository does not answer, and notes nothing twice', async () => {
    const directory = temporaryDirectory('data', { keepOwner: true });
    await recordLoss(directory, recordOf(5n));
    const one = await makeRepository();
    const away = await makeRepository({ name: 'away' });
    const put = () => Promise.reject(new StoreError('unreachable', 'no answer'));
    const failing = { ...away, store: overrideStore(away.store, { put }) };
    assert.equal(await deliver(directory, [one, failing]), 1);
    assert.equal((await readLossRecords(directory, silentLog)).length, 1);
    assert.equal(await deliver(directory, [one, { ...failing, required: false }]), 0);
    assert.deepEqual(await lostIn(one), [[1, 5n, 5n]]);
    await recordLoss(directory, recordOf(5n));
    assert.equal(await deliver(directory, [one, away]), 0);
    assert.deepEqual([await lostIn(one), await lostIn(away)], [[[1, 5n, 5n]], [[1, 5n, 5n]]]);
  });

  it('writes nothing where the repository is not mounted', async () => {
    const directory = temporaryDirectory('data', { keepOwner: true });
    await recordLoss(directory, recordOf(5n));
    const unmounted = await makeRepository({ empty: true });
    assert.equal(await deliver(directory, [unmounted]), 1);
    for await (const entry of unmounted.store.list({ prefix: '', signal }))
      assert.fail(JSON.stringify(entry));
  });
});
