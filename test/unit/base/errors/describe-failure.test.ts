import assert from 'node:assert/strict';
import { test } from 'vitest';
import { describeFailure } from '../../../../src/base/errors/describe-failure.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';

const failure = new WalvaultError('config', 'cannot read\n  the file', {
  hint: 'Look there.',
  cause: new TypeError('inner', { cause: new Error('innermost') }),
});

test('one line and the hint, without causes or stack', () => {
  assert.deepEqual(describeFailure(failure, { isDebug: false }), [
    'walvault: cannot read the file',
    'HINT:  Look there.',
  ]);
});

test('debugging adds each cause on a line', () => {
  assert.deepEqual(describeFailure(failure, { isDebug: true }).slice(2), [
    'CAUSE: TypeError: inner',
    'CAUSE: Error: innermost',
  ]);
});

test('anything but a WalvaultError is an internal error, and shows its stack only when debugging', () => {
  const bug = new RangeError('off by one');
  assert.deepEqual(describeFailure(bug, { isDebug: false }), ['walvault: internal error: off by one']);
  const lines = describeFailure(bug, { isDebug: true });
  assert.match(lines[1] ?? '', /^\s+at /);
  assert.deepEqual(describeFailure('text', { isDebug: true }), ['walvault: internal error: text']);
});

test('a cause that points back at itself ends the chain', () => {
  const loop = new Error('loop');
  loop.cause = loop;
  assert.equal(describeFailure(loop, { isDebug: true }).filter(line => line.startsWith('CAUSE')).length, 0);
});
