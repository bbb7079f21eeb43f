import assert from 'node:assert/strict';
import { test } from 'vitest';
import { systemsSideBySide, type SystemActivity } from '../../../src/repository/live-systems.ts';

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const system = (systemId: bigint, first?: number, last?: number): SystemActivity => ({
  systemId,
  firstSeen: first === undefined ? undefined : day(first),
  lastArchivedAt: last === undefined ? undefined : day(last),
});
const found = (...systems: SystemActivity[]) => systemsSideBySide(systems).map(({ systemId }) => systemId);

test('a system that ends where the next one begins is an upgrade', () => {
  assert.deepEqual(found(system(1n, 1, 20)), []);
  assert.deepEqual(found(system(1n, 1, 20), system(2n, 20, 28), system(3n, 28, 30)), []);
  // Its last segments came late.
  assert.deepEqual(found(system(1n, 1, 21), system(2n, 20, 28)), []);
});

test('one that goes on beside a later one is a second server', () => {
  assert.deepEqual(found(system(2n, 20, 28), system(1n, 1, 27)), [1n]);
  // The later one was a trial that ended at once.
  assert.deepEqual(found(system(1n, 1, 27), system(2n, 20, 20)), []);
});

test('what was not noted accuses nobody', () => {
  assert.deepEqual(found(system(1n, undefined, 27), system(2n, 20, 28)), []);
  assert.deepEqual(found(system(1n, 1, 27), system(2n, undefined, 28)), []);
  assert.deepEqual(found(system(1n, 1), system(2n, 20, 28)), []);
});
