import assert from 'node:assert/strict';
import { test } from 'vitest';
import { databaseOf } from '../../../../src/postgres/cluster/database-path.ts';

test.each([
  ['base/16384', 16_384],
  ['base/16384/1259_vm', 16_384],
  ['base/5/INCREMENTAL.1259', 5],
  ['pg_tblspc/16390/PG_15_202209061/16384/2619', 16_384],
  ['base/pgsql_tmp/pgsql_tmp1.0', undefined],
  ['base', undefined],
  ['global/1260', undefined],
  ['pg_tblspc/16390', undefined],
  ['pg_tblspc/16390/PG_15_202209061', undefined],
  ['pg_tblspc/16390/PG_15_202209061/pgsql_tmp/1', undefined],
  ['walvault_external/base/1/2', undefined],
])('%s is of database %s', (path, oid) => {
  assert.equal(databaseOf(path), oid);
});
