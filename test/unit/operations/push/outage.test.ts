import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { HeldUp, isOutage } from '../../../../src/operations/push/outage.ts';
import { MarkerMissing } from '../../../../src/repository/format/marker.ts';
import { RepositoryFailure } from '../../../../src/repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../../../src/stores/store.ts';

test('an outage or a denial of the store is one; a conflict, a wrong file, key or setting never is', () => {
  const repository = { expectedId: undefined };
  const outages: StoreErrorKind[] = ['unreachable', 'throttled', 'denied', 'no-container', 'local-io'];
  for (const kind of outages) assert.equal(isOutage(repository, new StoreError(kind, kind)), true, kind);
  const others: StoreErrorKind[] = ['absent', 'exists', 'cold', 'damaged', 'invalid'];
  for (const kind of others) assert.equal(isOutage(repository, new StoreError(kind, kind)), false, kind);
  for (const code of [
    'conflict',
    'invalid-file',
    'key',
    'config',
    'internal',
    'interrupted',
    'not-a-repository',
    'local-io',
    'damaged',
  ] as const)
    // prettier-ignore
    assert.equal(isOutage(repository, new WalvaultError(code, code)), false, code);
  assert.equal(isOutage(repository, new WalvaultError('unreachable', 'deadline')), true);
  assert.equal(isOutage(repository, new TypeError('a fault of our own')), false);
  const wrapped = new RepositoryFailure({ name: 'main' }, new StoreError('denied', 'no'));
  assert.equal(isOutage(repository, wrapped), true);
});

test('a failure for which this host itself is to blame is no outage', () => {
  for (const failure of [
    new StoreError('unreachable', 'cut'),
    new WalvaultError('unreachable', 'deadline'),
  ]) {
    const heldUp = new HeldUp(failure);
    assert.deepEqual([heldUp.code, heldUp.message, heldUp.retry], ['unreachable', failure.message, true]);
    assert.equal(isOutage({ expectedId: undefined }, heldUp), false);
    assert.equal(isOutage({ expectedId: undefined }, new RepositoryFailure({ name: 'main' }, heldUp)), false);
  }
});

test('an empty place is an unmounted disk only where the configuration says which repository it was', () => {
  const missing = new MarkerMissing('not-a-repository', 'no marker');
  assert.equal(isOutage({ expectedId: undefined }, missing), false);
  assert.equal(isOutage({ expectedId: 'id' }, missing), true);
});
