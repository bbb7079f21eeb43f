import assert from 'node:assert/strict';
import { test } from 'vitest';
import { judgeRights } from '../../../../src/operations/check/role-rights.ts';
import type { MissingRight } from '../../../../src/postgres/server/rights.ts';

const lacking = (...neededFor: MissingRight['neededFor'][]) =>
  neededFor.map(use => ({ neededFor: use, what: use, grant: `GRANT ${use};` }));

test('a role that cannot back up fails the check, with the statement that helps', () => {
  const judge = (isDirectoryConfigured: boolean, ...missing: MissingRight['neededFor'][]) =>
    judgeRights({ role: 'r', isDirectoryConfigured, missing: lacking(...missing) }).map(
      ({ status, hint = '' }) => `${status} ${/GRANT.*/.exec(hint)?.[0] ?? ''}`,
    );
  assert.deepEqual(judge(false), ['ok ']);
  assert.deepEqual(judge(false, 'backup', 'settings'), ['fail GRANT backup;', 'fail GRANT settings;']);
  assert.deepEqual(judge(true, 'names'), ['warn GRANT names;']);
  assert.deepEqual(judge(true, 'settings', 'segment'), ['warn GRANT settings;', 'fail GRANT segment;']);
});
