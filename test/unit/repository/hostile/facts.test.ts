/** Planted facts: they decide nothing, stop nobody, and are told once. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { commitRecordKey, historyKey, noteKey, walKey } from '../../../../src/repository/format/layout.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import { readParentClaim, writeClaim } from '../../../../src/repository/format/claim.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { openWalObject } from '../../../../src/repository/wal/read-object.ts';
import {
  claimingMetadata,
  makeSignedArchive,
  plant,
  type SignedArchive,
} from '../../../support/hostile/archive.ts';
import { recordingLog } from '../../../support/site/backup-fixtures.ts';
import {
  archiveFile,
  archiveSegment,
  geometry,
  segmentSizeBytes,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { walFile } from '../../../support/wal/wal.ts';

const history = '1\t0/300000\tno recovery target specified\n';
const forged = { parent: 1, switchpoint: 0xf00000n };
const nameOf = (segment: bigint) => geometry.nameOf(1, segment);
let archive: SignedArchive;
let required: Repository;

beforeEach(async () => {
  archive = await makeSignedArchive();
  required = archive.as('require');
});

const survey = (repository = required) => surveySystem(repository, system, signal);

describe('a switchpoint in the metadata of a history', () => {
  it('counts when its host signed it, without a private key', async () => {
    await archiveFile(archive.as('require', { keys: archive.pushOnly }), '00000002.history', history);
    const { tree, unusable } = await survey(archive.as('require', { keys: archive.pushOnly })).timelines();
    assert.equal(tree.get(2)?.switchpoint, 0x300000n, JSON.stringify([...unusable]));
  });

  it('does not count when somebody has changed it', async () => {
    await archiveFile(required, '00000002.history', history);
    const key = historyKey(system, 2);
    const { metadata } = (await required.store.head(key, { signal })) ?? {};
    const body = Buffer.from(
      await Array.fromAsync((await required.store.get(key, { signal })).body).then(Buffer.concat),
    );
    await plant(required, key, body, { metadata: { ...metadata, switchpoint: '0/F00000' }, replace: true });
    for (const policy of ['require', 'warn'] as const)
      assert.equal((await survey(archive.as(policy)).timelines()).tree.get(2), undefined, policy);
    assert.equal((await survey(archive.as('off')).timelines()).tree.get(2)?.switchpoint, 0xf00000n);
  });

  it('of a planted history is foreign, unless the timeline has WAL of a trusted host', async () => {
    const body = Buffer.from('1\t0/F00000\tplanted\n');
    await plant(required, historyKey(system, 2), body, { metadata: claimingMetadata(body, body, forged) });
    const found = await survey().timelines();
    assert.deepEqual([...found.foreign.keys()], [2]);
    assert.equal(found.unusable.size + found.tree.size, 0);
    assert.equal((await survey(archive.as('warn')).timelines()).doubtful.has(2), true, 'for removals');
    await archiveSegment(required, 2, 9n);
    assert.deepEqual([...(await survey().timelines()).unusable.keys()], [2]);
  });
});

describe('planted notes', () => {
  const time = '20261122T020500123Z';
  const wal = 'wal-00000001';
  const range = { timeline: 1, first: nameOf(1n), last: nameOf(0xffffn) };
  const body = (kind: string, fields: object) => JSON.stringify({ format: 1, subject: wal, kind, ...fields });

  beforeEach(async () => {
    const put = (kind: string, text: string, subject = wal, name = time) =>
      plant(required, noteKey(system, subject, name, kind), text);
    await put('wal-removed', '[1');
    await put('wal-lost', body('wal-lost', { first: range.last, last: range.first }));
    await put('gap-acknowledged', body('gap-acknowledged', range));
    await put('high-water', '{}', 'high-water', nameOf(0x9999n));
    await plant(required, noteKey(system, wal, '20261122T020500124Z', 'wal-lost'), body('wal-lost', range));
  });

  it('decide nothing under require, stop nobody, and are told once', async () => {
    const log = recordingLog();
    const repository = archive.as('require', { log });
    const read = survey(repository);
    assert.deepEqual(await read.lostWal(geometry), []);
    assert.deepEqual(await read.removedWal(geometry), []);
    assert.deepEqual(await read.acknowledgedGaps(geometry), []);
    assert.deepEqual(await read.highWater(geometry), []);
    assert.deepEqual(await read.knownWal(geometry), []);
    assert.equal(read.passedOver.count, 5);
    await survey(repository).knownWal(geometry);
    const told = log.events.filter(({ message }) => message.includes('for nothing'));
    assert.equal(told.length, 1, JSON.stringify(told));
  });

  it('decide nothing with the signature of a stranger', async () => {
    const { codec } = (await makeSignedArchive()).as('require');
    const theirs = { ...required, codec };
    await writeNote(theirs, system, highWaterNote({ timeline: 1, segment: 0x777n }, geometry), signal);
    const read = survey();
    assert.deepEqual(await read.highWater(geometry), []);
    assert.equal(read.passedOver.count, 2, 'with the planted one above');
  });

  it('count under warn and off where they only refuse a recovery, if they can be read', async () => {
    for (const policy of ['warn', 'off'] as const) {
      const read = survey(archive.as(policy));
      assert.deepEqual(
        (await read.lostWal(geometry)).map(({ first }) => first),
        [1n],
      );
      assert.deepEqual(await read.removedWal(geometry), []);
      assert.deepEqual(
        (await read.highWater(geometry)).map(({ segment }) => segment),
        [0x9999n],
      );
    }
    assert.deepEqual(await survey(archive.as('warn')).acknowledgedGaps(geometry), [], 'it ends recoveries');
  });

  it('on archived segments do not make genuine ones superfluous', async () => {
    await writeNote(required, system, highWaterNote({ timeline: 1, segment: 7n }, geometry), signal);
    await writeNote(required, system, highWaterNote({ timeline: 1, segment: 9n }, geometry), signal);
    const read = survey();
    assert.deepEqual(
      (await read.highWater(geometry)).map(({ segment }) => segment),
      [9n],
    );
    assert.deepEqual(
      (await read.outdatedHighWater(geometry)).map(({ segment }) => segment),
      [7n],
    );
  });
});

describe('planted records and claims', () => {
  it('an unsigned record that is no JSON is named, and not believed', async () => {
    await plant(required, commitRecordKey(system, '20991122T020000Z-full-aaaaaa'), '{"format":');
    const { unreadable } = await survey().catalog();
    assert.deepEqual(
      unreadable.map(({ verdict }) => verdict.status),
      ['unsigned'],
    );
  });

  it('of unsigned records no more than a bound is read', async () => {
    const large = Buffer.alloc(9 * 1024 ** 2, ' ');
    for (const id of ['a', 'b', 'c'])
      await plant(required, commitRecordKey(system, `20991122T020000Z-full-${id.repeat(6)}`), large);
    const { unreadable } = await survey().catalog();
    assert.equal(unreadable.filter(({ problem }) => problem.includes('was not read')).length, 2);
  });

  it('an unsigned claim protects its directory and nothing else', async () => {
    const id = '20261122T020000Z-full-3f2a91';
    const claim = { id, attempt: 1, host: 'db1', pid: 7, startTime: new Date(0) };
    await writeClaim(archive.as('require', { keys: { signingKey: undefined } }), system, claim, signal);
    assert.deepEqual(await readParentClaim(required, system, id, signal), { kind: 'unproven' });
    assert.deepEqual(await readParentClaim(archive.as('off'), system, id, signal), { kind: 'none' });
    const signed = { ...claim, id: '20261122T020000Z-full-3f2a92' };
    await writeClaim(required, system, signed, signal);
    assert.deepEqual(await readParentClaim(required, system, signed.id, signal), { kind: 'none' });
  });
});

describe('WAL without encryption', () => {
  const key = walKey(system, walFile(nameOf(5n)));
  const read = async (policy: 'require' | 'warn' | 'off') => {
    const { plain } = await openWalObject(archive.as(policy), key, { limitBytes: segmentSizeBytes, signal });
    return (await Array.fromAsync(plain)).length;
  };

  it('is delivered under require when the host signed its metadata', async () => {
    await archiveSegment(required, 1, 5n);
    assert.ok((await read('require')) > 0);
  });

  it('is refused under require when nobody signed it, and under warn when it was changed', async () => {
    await archiveSegment(archive.as('require', { keys: { signingKey: undefined } }), 1, 5n);
    await assert.rejects(read('require'), { code: 'damaged', message: /is not signed/ });
    assert.ok((await read('warn')) > 0);
  });
});
