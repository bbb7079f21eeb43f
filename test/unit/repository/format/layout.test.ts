import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  clusterRecordKey,
  conflictKey,
  parseWalKey,
  partKey,
  walKey,
} from '../../../../src/repository/format/layout.ts';
import { walFile } from '../../../support/wal/wal.ts';

const system = { cluster: 'orders', systemId: 7_300_000_000_000_000_001n };
const root = 'orders/7300000000000000001';
const digest = '0123456789abcdef'.repeat(4);

describe('keys', () => {
  it('are those of docs/repository-format.md', () => {
    assert.equal(clusterRecordKey(system), `${root}/cluster.json`);
    assert.equal(
      walKey(system, walFile('00000002000000AB000000FF')),
      `${root}/wal/00000002/000000AB/00000002000000AB000000FF`,
    );
    assert.equal(
      walKey(system, walFile('00000002000000AB000000FF.00000028.backup')),
      `${root}/wal/00000002/000000AB/00000002000000AB000000FF.00000028.backup`,
    );
    assert.equal(walKey(system, walFile('0000000A.history')), `${root}/timelines/0000000A.history`);
    assert.equal(
      walKey(system, walFile('00000002000000AB000000FF.partial'), digest),
      `${root}/wal/00000002/000000AB/00000002000000AB000000FF.partial.0123456789abcdef`,
    );
    assert.equal(partKey(system, 'ID', 12, '.zst.pgp'), `${root}/backups/ID/parts/000012.tar.zst.pgp`);
  });

  it('say what they hold', () => {
    for (const name of [
      '00000002000000AB000000FF',
      '00000002000000AB000000FF.00000028.backup',
      '0000000A.history',
    ]) {
      assert.deepEqual(parseWalKey(walKey(system, walFile(name))), { kind: 'file', file: walFile(name) });
    }
    const partial = walFile('00000002000000AB000000FF.partial');
    assert.deepEqual(parseWalKey(walKey(system, partial, digest)), {
      kind: 'partial',
      file: partial,
      digest: '0123456789abcdef',
    });
    for (const name of ['00000002000000AB000000FF', '00000002000000AB000000FF.partial', '0000000A.history']) {
      const entry = parseWalKey(conflictKey(system, walFile(name), digest));
      assert.equal(entry?.kind, 'conflict');
      assert.equal(entry?.file.name, name);
    }
    for (const strange of [
      'x',
      `${root}/wal/00000002/000000AB/README`,
      '00000002000000ab000000ff',
      '00000002000000AB000000FF.zst',
    ]) {
      assert.equal(parseWalKey(strange), undefined, strange);
    }
  });

  it('of a segment sort before everything else of that segment and after all of the one before', () => {
    const before = walKey(system, walFile('0000000200000001000000FE'));
    const own = walKey(system, walFile('0000000200000001000000FF'));
    const others = [
      walKey(system, walFile('0000000200000001000000FF.00000028.backup')),
      walKey(system, walFile('0000000200000001000000FF.partial'), digest),
      conflictKey(system, walFile('0000000200000001000000FF'), digest),
    ];
    assert.deepEqual([before, own, ...others, `${own}~`].toSorted().slice(0, 2), [before, own]);
    assert.ok(others.every(key => key > own && key < `${own}~`));
  });
});
