import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import {
  contactAttempts,
  contactTimeoutMs,
  HeldUp,
  isExpendable,
  isOutage,
  waitingSegments,
} from '../../../../src/operations/push/queue-limit.ts';
import { MarkerMissing } from '../../../../src/repository/format/marker.ts';
import { RepositoryFailure } from '../../../../src/repository/repository.ts';
import { StoreError, type StoreErrorKind } from '../../../../src/stores/store.ts';
import { walFile } from '../../../support/wal/wal.ts';

const first = '000000010000000000000010';
const second = '000000010000000000000011';

test('of the files that wait only segments count', () => {
  const names = [
    first,
    second,
    '00000001000000000000000E.partial',
    '00000001000000000000000D.00000028.backup',
    '00000002.history',
  ];
  assert.deepEqual(waitingSegments(names, first), { count: 2, isOldest: true });
  assert.deepEqual(waitingSegments(names, second), { count: 2, isOldest: false });
});

test('a file that the server does not wait for is never the oldest', () => {
  assert.equal(waitingSegments([second], first).isOldest, false);
  assert.equal(waitingSegments([], first).isOldest, false);
});

test('only a whole segment, the oldest, beyond the limit is expendable', () => {
  const oldest = { count: 3, isOldest: true };
  const over = { backlogBytes: 101, limitBytes: 100 };
  assert.equal(isExpendable(walFile(first), oldest, over), true);
  assert.equal(isExpendable(walFile(first), oldest, { backlogBytes: 100, limitBytes: 100 }), false);
  assert.equal(isExpendable(walFile(first), { count: 3, isOldest: false }, over), false);
  for (const name of [`${first}.partial`, `${first}.00000028.backup`, '00000002.history'])
    assert.equal(isExpendable(walFile(name), oldest, over), false, name);
});

test('the more the queue has grown, the shorter a silent repository is waited for, and for the last attempt', () => {
  const within = { backlogBytes: 200, limitBytes: 100 };
  const first = contactTimeoutMs(within, 1);
  assert.ok(contactTimeoutMs({ ...within, backlogBytes: 201 }, 1) < first);
  assert.ok(contactTimeoutMs(within, contactAttempts) < first);
});

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
