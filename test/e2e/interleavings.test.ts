/** Root and the server's user on one repository, a few seeds. `npm run soak -- interleavings` does two hundred. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { interleave } from '../support/torture/interleavings/interleave.ts';

test('root and the user on one repository: nobody is locked out, nothing outside is touched', async () => {
  const { runs } = await interleave([5, 15], { stepLimit: 3 });
  assert.ok(runs > 0);
});
