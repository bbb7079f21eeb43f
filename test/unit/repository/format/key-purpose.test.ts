import assert from 'node:assert/strict';
import { test } from 'vitest';
import { purposeOfKey } from '../../../../src/repository/format/key-purpose.ts';
import * as layout from '../../../../src/repository/format/layout.ts';
import { walFile } from '../../../support/wal/wal.ts';

const system = { cluster: 'orders', systemId: 7_300_000_000_000_000_001n };
const digest = 'ab'.repeat(32);

test('every key that the layout makes is known, and what is lost without it', () => {
  const segment = walFile('000000010000000000000003');
  const keys = [
    layout.markerKey,
    layout.clusterRecordKey(system),
    layout.walKey(system, segment),
    layout.walKey(system, walFile('000000010000000000000003.00000028.backup')),
    layout.walKey(system, walFile('000000010000000000000003.partial'), digest),
    layout.walKey(system, walFile('00000002.history')),
    layout.conflictKey(system, segment, digest),
    layout.claimKey(system, 'b'),
    layout.partKey(system, 'b', 1, '.zst.pgp'),
    layout.partIndexKey(system, 'b', 1_000_001),
    layout.attemptKey(system, 'b', 2),
    layout.manifestKey(system, { id: 'b', attempt: 1 }, '.zst.pgp'),
    layout.namesKey(system, { id: 'b', attempt: 2 }, '.zst.pgp'),
    layout.commitRecordKey(system, 'b'),
    layout.signatureKey(layout.commitRecordKey(system, 'b')),
    layout.noteKey(system, 'b', 't', 'pin'),
    layout.signatureKey(layout.noteKey(system, 'b', 't', 'pin')),
  ];
  for (const key of keys) assert(purposeOfKey(key), key);
  assert.match(purposeOfKey(keys[2] ?? '')?.loss ?? '', /no recovery from an earlier backup gets past it/);
});

test('what is not of the format has no purpose', () => {
  for (const key of [
    `${layout.probePrefix('x')}object`,
    'orders/notes.txt',
    'orders/7300000000000000001/wal/00000001/00000000/readme',
    'orders/7300000000000000001/dump.sql',
    'walvault.json.bak',
  ])
    assert.equal(purposeOfKey(key), undefined, key);
});
