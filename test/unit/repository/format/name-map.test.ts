import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { streamOf } from '../../../../src/base/bytes/streams.ts';
import {
  nameMapHeader,
  nameMapTrailer,
  readNameMapDatabases,
  tablespaceLine,
  unreadDatabaseLine,
} from '../../../../src/repository/format/name-map.ts';

const id = '20261122T020000Z-full-3f2a91';
const database = (oid: number, name: string) =>
  unreadDatabaseLine({ oid, name, tablespace: 1663, closed: undefined }, 'not asked');
const relation = `${JSON.stringify({ relation: 'facts', schema: 'public', path: 'base/5/16384' })}\n`;

const read = (...lines: readonly string[]) => readNameMapDatabases(streamOf(Buffer.from(lines.join(''))), id);

test('the databases of a map are read in their order, one that has two lines once', async () => {
  const lines = [
    ...[nameMapHeader(id), tablespaceLine({ oid: 1663, name: 'pg_default' })],
    ...[database(1, 'template1'), relation, relation, database(1, 'template1')],
    ...[database(16_384, 'näme with "quotes"'), relation, nameMapTrailer(3)],
  ];
  assert.deepEqual(await read(...lines), [
    { oid: 1, name: 'template1' },
    { oid: 16_384, name: 'näme with "quotes"' },
  ]);
});

describe('a map is damaged', () => {
  test.each([
    ['of another backup', [nameMapHeader('20261122T020000Z-full-ffffff'), nameMapTrailer(0)], /not the map/],
    ['without an end', [nameMapHeader(id), database(1, 'a')], /ends before its trailer/],
    [
      'with fewer relations than it says',
      [nameMapHeader(id), relation, nameMapTrailer(2)],
      /its trailer says 2/,
    ],
    ['that goes on', [nameMapHeader(id), nameMapTrailer(0), database(1, 'a')], /after its trailer/],
    ['with a line of another kind', [nameMapHeader(id), '{"file":1}\n', nameMapTrailer(0)], /no known kind/],
    ['with a name of no length', [nameMapHeader(id), database(1, ''), nameMapTrailer(0)], /"database"/],
    ['that is empty', [], /ends before its trailer/],
  ])('%s', async (_what, lines, says) => {
    await assert.rejects(read(...lines), { code: 'damaged', message: says });
  });

  test('one with too many databases is damaged', async () => {
    const lines = Array.from({ length: 100_001 }, (_, index) => database(index + 1, `d${index}`));
    await assert.rejects(read(nameMapHeader(id), ...lines, nameMapTrailer(0)), {
      code: 'damaged',
      message: /too many databases/,
    });
  });
});
