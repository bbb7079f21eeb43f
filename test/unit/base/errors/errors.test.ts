import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'vitest';
import { errorCodes, localIoError, WalvaultError } from '../../../../src/base/errors/errors.ts';
import { failingExitStatus } from '../../../../src/operations/fetch/exit-status.ts';

it('docs/exit-codes.md lists every code with its status', () => {
  const text = readFileSync(new URL('../../../../docs/exit-codes.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map(([, status, code]) => [
    code,
    Number(status),
  ]);
  assert.deepEqual(Object.fromEntries(documented), { ...errorCodes });
});

it('no status of a command is above 125, and only fetch adds to it', () => {
  for (const status of Object.values(errorCodes)) assert.ok(status >= 1 && status <= 125);
});

it('a recovery is never ended by a failure, a standby never shut down by an outage', () => {
  for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) {
    const error = new WalvaultError(code, 'x');
    const inRecovery = failingExitStatus('point-in-time', error);
    assert.ok(inRecovery >= 126 && inRecovery <= 255 && inRecovery !== 143, code);
    assert.equal(failingExitStatus('standby', error), code === 'invalid-file' ? 210 : 1);
    const byHand = failingExitStatus('none', error);
    assert.ok(byHand >= 2 && byHand <= 125, code);
  }
  assert.ok(failingExitStatus('point-in-time', new Error('bug')) >= 126);
  assert.equal(failingExitStatus('standby', new Error('bug')), 1);
  assert.ok(failingExitStatus('none') > 1, '1 means absent');
});

it('local file errors become one clear line', () => {
  const error = localIoError(
    'write',
    '/x/y',
    Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' }),
  );
  assert.equal(error.message, 'write /x/y: no space left on device');
  assert.equal(error.code, 'local-io');
  assert.match(error.hint ?? '', /Free space/);
  const known = new WalvaultError('damaged', 'as it is');
  assert.equal(localIoError('read', '/x', known), known);
});
