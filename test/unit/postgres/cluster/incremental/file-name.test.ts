import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  incrementalPath,
  isMainFork,
  wholePath,
} from '../../../../../src/postgres/cluster/incremental/file-name.ts';

const pairs = [
  ['base/5/16384', 'base/5/INCREMENTAL.16384'],
  ['base/5/16384.12', 'base/5/INCREMENTAL.16384.12'],
  ['global/1260', 'global/INCREMENTAL.1260'],
  ['pg_tblspc/16400/PG_17_202406281/5/16401.1', 'pg_tblspc/16400/PG_17_202406281/5/INCREMENTAL.16401.1'],
] as const;

test.each(pairs)('%s is stored as %s', (whole, incremental) => {
  assert.equal(incrementalPath(whole), incremental);
  assert.equal(wholePath(incremental), whole);
  assert.equal(wholePath(whole), undefined);
  assert.ok(isMainFork(whole) && !isMainFork(incremental));
});

test('only main forks of relations are stored by blocks', () => {
  const others = ['base/5/16384_fsm', 'base/5/16384_vm', 'base/5/16384_init', 'base/5/t3_16384', 'base/5/PG_VERSION',
    'base/16384', '16384', 'pg_xact/0000', 'global/pg_control', 'base/5/../1/16384', 'base/5/INCREMENTAL.16384', '']; // prettier-ignore
  for (const path of others) {
    assert.ok(!isMainFork(path), path);
    assert.throws(() => incrementalPath(path), TypeError);
    const nameAt = path.lastIndexOf('/') + 1;
    assert.equal(wholePath(`${path.slice(0, nameAt)}INCREMENTAL.${path.slice(nameAt)}`), undefined, path);
  }
  assert.equal(wholePath('base/5/incremental.16384'), undefined);
});
