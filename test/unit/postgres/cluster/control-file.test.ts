import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { parseControlFile, readControlFile } from '../../../../src/postgres/cluster/control-file.ts';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { crc32c } from '../../../../src/base/checksum/crc32c.ts';
import { madeSystemId, makeControlFile } from '../../../support/wal/made-control-file.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { clusterSamples } from '../../../support/wal/cluster-samples.ts';

for (const sample of clusterSamples)
  describe(`pg_control of PostgreSQL ${sample.major}`, () => {
    const bytes = () => new Uint8Array(Buffer.from(sample.controlFile, 'base64'));
    test('is read', () => {
      const { controlVersion, redoLsn, ...rest } = parseControlFile(bytes());
      assert.ok(controlVersion >= 1300);
      assert.equal(redoLsn, sample.checkpointLsn);
      assert.deepEqual(rest, {
        systemId: sample.systemId,
        catalogVersion: sample.catalogVersion,
        state: 'shut-down',
        checkpointLsn: sample.checkpointLsn,
        timeline: 1,
        minRecoveryPoint: undefined,
        blockSizeBytes: 8192,
        walBlockSizeBytes: 8192,
        geometry: new WalGeometry(4 * 1024 ** 2),
        relationSegmentBlocks: 131_072,
        dataChecksums: sample.dataChecksums ? 'on' : 'off',
        replayMinimums: {
          max_connections: 100,
          max_worker_processes: 8,
          max_wal_senders: 10,
          max_prepared_transactions: 0,
          max_locks_per_transaction: 64,
        },
        postgresMajor: sample.major,
      });
    });
    test('any changed byte is damage', () => {
      for (let at = 0; at < 280; at++) {
        const changed = bytes();
        changed[at] = (changed[at] ?? 0) ^ 1;
        assert.throws(() => parseControlFile(changed), { code: 'damaged' }, `byte ${at}`);
      }
      assert.throws(() => parseControlFile(bytes().subarray(0, 200)), { code: 'damaged' });
      assert.throws(() => parseControlFile(new Uint8Array(8192)), { code: 'damaged' });
    });
  });

describe('pg_control of PostgreSQL 19', () => {
  test('is read, where the checkpoint is longer and the sizes have moved', () => {
    const made = makeControlFile({
      blockSizeBytes: 16_384,
      relationSegmentBlocks: 65_536,
      walBlockSizeBytes: 32_768,
      segmentSizeBytes: 64 * 1024 ** 2,
      minRecoveryPoint: { lsn: 0x2_0000_0001n, timeline: 4 },
    });
    assert.deepEqual(parseControlFile(made), {
      systemId: madeSystemId,
      controlVersion: 1905,
      catalogVersion: 202_609_161,
      state: 'in-production',
      checkpointLsn: 0x1_2345_6788n,
      redoLsn: 0x1_2345_6788n,
      timeline: 3,
      minRecoveryPoint: { timeline: 4, lsn: 0x2_0000_0000n },
      blockSizeBytes: 16_384,
      relationSegmentBlocks: 65_536,
      walBlockSizeBytes: 32_768,
      geometry: new WalGeometry(64 * 1024 ** 2),
      dataChecksums: 'on',
      replayMinimums: {
        max_connections: 101,
        max_worker_processes: 9,
        max_wal_senders: 11,
        max_prepared_transactions: 1,
        max_locks_per_transaction: 65,
      },
      postgresMajor: 19,
    });
    assert.equal(parseControlFile(makeControlFile()).minRecoveryPoint, undefined);
  });

  test('tells whether checksums are on, off, or on their way', () => {
    const states = [0, 1, 2, 3, 4].map(dataChecksums => makeControlFile({ dataChecksums }));
    assert.deepEqual(
      states.map(made => parseControlFile(made).dataChecksums),
      ['off', 'on', 'inprogress-off', 'inprogress-on', 'off'],
    );
  });

  test('its betas and the next major version are told apart', () => {
    const major = (controlVersion: number) =>
      parseControlFile(makeControlFile({ controlVersion, catalogVersion: 202_605_131 })).postgresMajor;
    assert.deepEqual([1901, 1902, 1903, 2000].map(major), [19, 19, 19, 20]);
  });
});

describe('a server that was built with other block sizes', () => {
  for (const blockSizeBytes of [1024, 4096, 32_768])
    for (const isBefore19 of [true, false])
      test(`${blockSizeBytes} bytes${isBefore19 ? ' before 19' : ''}`, () => {
        // A relation's file has 1 GiB: with the smallest blocks, as many blocks as a small WAL segment has bytes.
        const relationSegmentBlocks = 1024 ** 3 / blockSizeBytes;
        const sizes = { blockSizeBytes, relationSegmentBlocks, walBlockSizeBytes: blockSizeBytes };
        const parsed = parseControlFile(
          makeControlFile({ ...sizes, segmentSizeBytes: 4 * 1024 ** 2, isBefore19 }),
        );
        assert.deepEqual({ ...parsed, ...sizes }, parsed);
        assert.equal(parsed.geometry.segmentSizeBytes, 4 * 1024 ** 2);
      });

  test('an impossible size is damage, or the layout of a later version', () => {
    assert.throws(() => parseControlFile(makeControlFile({ blockSizeBytes: 8000 })), {
      code: 'damaged',
      message: /a block size of 8000 bytes/,
    });
    assert.throws(() => parseControlFile(makeControlFile({ segmentSizeBytes: 3 * 1024 ** 2 })), {
      code: 'postgres',
      message: 'global/pg_control: the layout of version 1905 is not known',
      hint: /a later walvault/,
    });
  });
});

describe('reading pg_control from a directory', () => {
  const good = Buffer.from(clusterSamples[0]?.controlFile ?? '', 'base64');
  const directoryWith = (data: Uint8Array | undefined) => {
    const directory = temporaryDirectory('control', { keepOwner: true });
    mkdirSync(join(directory, 'global'));
    if (data !== undefined) writeFileSync(join(directory, 'global', 'pg_control'), data);
    return directory;
  };
  test('a torn one is read again until it is whole', async () => {
    const directory = directoryWith(good.subarray(0, 290));
    const reading = readControlFile(directory);
    setTimeout(() => writeFileSync(join(directory, 'global', 'pg_control'), good), 100);
    assert.equal((await reading).postgresMajor, 13);
  });
  test('one that stays torn is damaged, a missing one is a local error that names it', async () => {
    await assert.rejects(readControlFile(directoryWith(good.subarray(0, 290))), { code: 'damaged' });
    await assert.rejects(readControlFile(directoryWith(undefined)), {
      code: 'local-io',
      message: /global\/pg_control: no such file/,
    });
  });
  test('an aborted signal ends the waiting', async () => {
    const signal = AbortSignal.timeout(50);
    await assert.rejects(readControlFile(directoryWith(good.subarray(0, 290)), signal), {
      name: 'TimeoutError',
    });
  });
});

test('CRC-32C has its published check value, at every alignment', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe306_9283);
  const padded = Buffer.from('xxxxxxxx123456789');
  assert.equal(crc32c(padded.subarray(8)), 0xe306_9283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa);
});
