import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { PgConnection } from '../../../../src/postgres/server/connection.ts';
import { readRelations } from '../../../../src/postgres/server/relations.ts';

/** A database with so many relations, whose oids have gaps. */
function databaseOf(count: number): { connection: PgConnection; askedFor: number[] } {
  const askedFor: number[] = [];
  const oids = Array.from({ length: count }, (_, index) => 16_384 + 7 * index);
  const connection: PgConnection = {
    serverVersion: 150_006,
    query: async <T>(_sql: string, params: readonly unknown[] = []) => {
      const [after, , limit] = params as [number, boolean, number];
      askedFor.push(limit);
      const found = oids.filter(oid => oid > after).slice(0, limit);
      const none = { filenode: null, path: null, toast: null, indexof: null, partitionof: null };
      return found.map(oid => ({
        ...none,
        oid: String(oid),
        schema: 's',
        name: `t${oid}`,
        kind: 'r',
        persistence: 'p',
      })) as T[];
    },
    close: () => Promise.resolve(),
  };
  return { connection, askedFor };
}

test('relations come in pages of a bounded size, each relation once, however many there are', async () => {
  for (const count of [0, 1, 9, 10, 11, 20, 35]) {
    const { connection, askedFor } = databaseOf(count);
    const pages = await Array.fromAsync(readRelations(connection, { withShared: true, pageSize: 10 }));
    assert.ok(
      pages.every(page => page.length > 0 && page.length <= 10),
      `${count}`,
    );
    assert.equal(new Set(pages.flat().map(({ oid }) => oid)).size, count);
    assert.equal(pages.flat().length, count);
    assert.ok(askedFor.every(limit => limit === 10));
  }
});
