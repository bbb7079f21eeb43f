import assert from 'node:assert/strict';
import { it } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { fromPlainError, toPlainError } from '../../../../src/base/errors/plain-error.ts';

it('an error keeps code, hint and exit status as data', () => {
  const error = new WalvaultError('conflict', 'it is another file', { hint: 'Look.', retry: true });
  const arrived = fromPlainError(
    JSON.parse(JSON.stringify(toPlainError(error))) as ReturnType<typeof toPlainError>,
  );
  assert.deepEqual(
    [arrived.code, arrived.message, arrived.hint, arrived.retry, arrived.exitCode],
    ['conflict', 'it is another file', 'Look.', true, 8],
  );
  assert.equal(toPlainError(new TypeError('x is not a function')).code, 'internal');
});
