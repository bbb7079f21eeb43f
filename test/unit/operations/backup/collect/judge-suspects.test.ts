import assert from 'node:assert/strict';
import { test } from 'vitest';
import { judgeSuspects } from '../../../../../src/operations/backup/collect/judge-suspects.ts';

const suspects = [
  { path: 'base/5/16384', page: 3, lsn: 0x10n },
  { path: 'base/5/16384', page: 4, lsn: 0x150n },
];
const started = { startLsn: 0x100n, isStandby: false };

/** A server whose setting has this value, at 0/200. */
function serverWith(checksums: string) {
  return {
    query: async <T>(sql: string) =>
      (sql.includes('data_checksums') ? [{ checksums }] : [{ lsn: '0/200' }]) as T[],
  };
}

test('a page with a wrong checksum is damaged unless recovery writes it anew', async () => {
  assert.deepEqual(await judgeSuspects(suspects, serverWith('on'), started), [
    { path: 'base/5/16384', page: 3 },
  ]);
});

test('no page is damaged once the server has begun to turn checksums off, as 19 could in its betas', async () => {
  for (const state of ['inprogress-off', 'off', 'inprogress-on'])
    assert.deepEqual(await judgeSuspects(suspects, serverWith(state), started), [], state);
});
