import assert from 'node:assert/strict';
import { test } from 'vitest';
import { placeOf, waitingControlFilePath } from '../../../../src/operations/restore/places.ts';

const places = { dataDirectory: '/data', tablespaces: [{ oid: 16_385, directory: '/fast' }] };

test('each path of a manifest has one place, pg_control a name that means nothing to PostgreSQL', () => {
  for (const [path, place] of [
    ['base/1/100', '/data/base/1/100'],
    ['global/pg_control', `/data/${waitingControlFilePath}`],
    [waitingControlFilePath, undefined],
    ['pg_tblspc/16385/PG_15_202209061/5/1', '/fast/PG_15_202209061/5/1'],
    ['pg_tblspc/16385', undefined],
    ['pg_tblspc/16386/PG_15_202209061', '/data/pg_tblspc/16386/PG_15_202209061'],
    ['pg_tblspc/16385x/file', '/data/pg_tblspc/16385x/file'],
    ['base/pg_tblspc/16385/file', '/data/base/pg_tblspc/16385/file'],
  ] as const)
    assert.equal(placeOf(path, places), place, path);
});
