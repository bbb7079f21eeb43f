import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isRelationFile } from '../../../../src/postgres/cluster/relation-path.ts';

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
