import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import {
  chooseDatabases,
  isLeftOutBy,
} from '../../../../../src/operations/restore/only-databases/choose-databases.ts';
import { mayLackPages } from '../../../../../src/operations/restore/only-databases/start-only-databases.ts';

const known = [
  { oid: 1, name: 'template1' },
  { oid: 4, name: 'template0' },
  { oid: 5, name: 'postgres' },
  { oid: 16_384, name: 'sales' },
  { oid: 16_385, name: 'stock' },
  { oid: 16_386, name: 'Sales' },
];
const backup = '20261122T020000Z-full-3f2a91';
const choose = (...names: readonly string[]) => chooseDatabases(names, { backup, known });
const names = (databases: readonly { readonly name: string }[]) => databases.map(({ name }) => name);

describe('the databases of a backup', () => {
  test('those that were asked for are restored, and the system has its own', () => {
    const { restored, leftOut } = choose('sales');
    assert.deepEqual(names(restored), ['template1', 'template0', 'postgres', 'sales']);
    assert.deepEqual(names(leftOut), ['stock', 'Sales']);
  });

  test('several can be asked for, one of the system too, and all of them', () => {
    assert.deepEqual(names(choose('Sales', 'stock').leftOut), ['sales']);
    assert.deepEqual(names(choose('postgres').leftOut), ['sales', 'stock', 'Sales']);
    assert.deepEqual(choose('sales', 'stock', 'Sales').leftOut, []);
  });

  test('a name that it does not know is refused, with those that it knows', () => {
    assert.throws(
      () => choose('sales', 'SALES'),
      (error: unknown) => {
        assert.ok(error instanceof WalvaultError);
        assert.equal(error.code, 'not-found');
        assert.match(error.message, /has no database "SALES"/);
        assert.match(
          error.hint ?? '',
          /template1, template0, postgres, sales, stock, Sales\..*made or renamed later/,
        );
        return true;
      },
    );
  });
});

describe('the files that are left out', () => {
  const isLeftOut = isLeftOutBy(choose('sales'));
  test.each([
    ['base/16385/1259', true],
    ['base/16385/pg_filenode.map', true],
    ['base/16385/INCREMENTAL.16400', true],
    ['base/16385/PG_VERSION', false],
    ['base/16384/1259', false],
    ['base/1/1259', false],
    ['pg_tblspc/16390/PG_15_202209061/16385/16400', true],
    ['pg_tblspc/16390/PG_15_202209061/16384/16400', false],
    ['pg_tblspc/16390/PG_15_202209061/16385/PG_VERSION', false],
    ['global/pg_control', false],
    // Of a database that was dropped while the backup ran.
    ['base/17000/1259', true],
    ['base/pgsql_tmp/1', false],
  ])('%s: %s', (path, expected) => {
    assert.equal(isLeftOut(path), expected);
  });
});

test('pages may be missing of placeholders, their copies, and what is gone; never of a restored database', () => {
  const mayLack = mayLackPages(choose('sales'), {
    existing: new Set([1, 5, 16_385, 17_001, 17_002]),
    placeholders: new Set([16_385, 17_001]),
  });
  assert.deepEqual(
    [16_385, 17_001, 17_009, 17_002, 5, 16_384].map(oid => mayLack(oid)),
    [true, true, true, false, false, false],
  );
});
