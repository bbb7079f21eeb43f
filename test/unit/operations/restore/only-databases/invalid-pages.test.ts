import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import {
  parseInvalidPage,
  readInvalidPages,
} from '../../../../../src/operations/restore/only-databases/invalid-pages.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

/** As PostgreSQL 15 wrote it. */
const stamp = '2026-12-01 03:18:02.690 UTC [8570]';

describe('a line of the log', () => {
  test.each([
    [`${stamp} WARNING:  page 7 of relation base/16385/16390 does not exist`, 7, 'base/16385/16390', 16_385],
    ['WARNING:  page 0 of relation base/16385/2619_vm is uninitialized', 0, 'base/16385/2619_vm', 16_385],
    ['%u page 1 of relation global/1260 is uninitialized', 1, 'global/1260', undefined],
    [
      'page 3 of relation pg_tblspc/16390/PG_17_202406281/16384/1 does not exist',
      3,
      'pg_tblspc/16390/PG_17_202406281/16384/1',
      16_384,
    ],
  ])('%s', (line, page, relation, database) => {
    assert.deepEqual(parseInvalidPage(line), { page, relation, database });
  });

  test.each([
    `${stamp} WARNING:  WAL contains references to invalid pages`,
    `${stamp} LOG:  restored log file "0000000100000000000000BB" from archive`,
    `${stamp} LOG:  consistent recovery state reached at 0/BA00100`,
    '',
  ])('%s names no page', line => {
    assert.equal(parseInvalidPage(line), undefined);
  });
});

test('the pages of a log are counted, and the first ones that nobody expected are named', async () => {
  const path = join(temporaryDirectory('log', { keepOwner: true }), 'log');
  const line = (page: number, relation: string) =>
    `${stamp} WARNING:  page ${page} of relation ${relation} does not exist\n`;
  writeFileSync(
    path,
    [
      ...Array.from({ length: 5000 }, (_, page) => line(page, 'base/16385/16390')),
      'x'.repeat(200_000),
      '\n',
      ...Array.from({ length: 7 }, (_, page) => line(page, 'base/16384/16390')),
      line(1, 'global/1260').trimEnd(),
    ].join(''),
  );
  const { expected, unexpected, named } = await readInvalidPages(path, oid => oid === 16_385);
  assert.deepEqual([expected, unexpected], [5000, 8]);
  assert.deepEqual(
    named.map(({ page }) => page),
    [0, 1, 2, 3, 4],
  );
});

test('a log that is not there is no proof', async () => {
  await assert.rejects(
    readInvalidPages('/nonexistent/log', () => true),
    { code: 'local-io' },
  );
});
