import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isRelationFile, placeOfRelation } from '../../../../src/postgres/cluster/relation-path.ts';

test('pages with checksums are in relation files of all forks, and nowhere else', () => {
  for (const path of [
    'base/5/16384',
    'base/5/16384.3',
    'base/5/16384_fsm',
    'base/5/16384_vm.1',
    'base/5/16384_init',
    'global/1262',
    'pg_tblspc/16400/PG_15_202209061/5/16401',
  ])
    assert.ok(isRelationFile(path), path);
  for (const path of [
    'global/pg_control',
    'global/pg_filenode.map',
    'base/5/PG_VERSION',
    'base/5/pg_internal.init',
    'base/16384',
    'pg_xact/0000',
    '1234',
    'mine/5/16384',
  ])
    assert.ok(!isRelationFile(path), path);
});

test('a path says by which numbers WAL knows the relation', () => {
  assert.deepEqual(
    ['base/5/16384.3', 'global/1262', 'pg_tblspc/16400/PG_15_202209061/5/16401_vm'].map(placeOfRelation),
    [
      { tablespace: 1663, database: 5, relation: 16_384, fork: 'main', segment: 3 },
      { tablespace: 1664, database: 0, relation: 1262, fork: 'main', segment: 0 },
      { tablespace: 16_400, database: 5, relation: 16_401, fork: 'vm', segment: 0 },
    ],
  );
  assert.equal(placeOfRelation('base/5/PG_VERSION'), undefined);
});
