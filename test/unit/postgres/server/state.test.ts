import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { PgConnection } from '../../../../src/postgres/server/connection.ts';
import { readServerState } from '../../../../src/postgres/server/state.ts';

/** A primary whose settings have these values beside the segment size and the port. */
function serverWith(settings: Readonly<Record<string, string>>): PgConnection {
  const all = { wal_segment_size: '16777216', port: '5432', ...settings };
  const answers = [
    {
      to: 'pg_settings',
      rows: Object.entries(all).map(([name, setting]) => ({ name, setting, file: null })),
    },
    { to: 'pg_control_system', rows: [{ system: '-1' }] },
    { to: 'pg_is_in_recovery', rows: [{ standby: 'f' }] },
    { to: 'pg_walfile_name', rows: [{ timeline: '3' }] },
  ];
  return {
    serverVersion: 190_000,
    query: async <T>(sql: string) => (answers.find(({ to }) => sql.includes(to))?.rows ?? []) as T[],
    close: () => Promise.resolve(),
  };
}

test('checksums count only while they are on: 19 has words for the time in between', async () => {
  const states = ['on', 'off', 'inprogress-on', 'inprogress-off'];
  const found = states.map(async state => await readServerState(serverWith({ data_checksums: state })));
  assert.deepEqual(
    (await Promise.all(found)).map(({ dataChecksums }) => dataChecksums),
    [true, false, false, false],
  );
});
