import assert from 'node:assert/strict';
import { test } from 'vitest';
import { PathTable } from '../../../../../src/operations/backup/resume/path-table.ts';

test('each path has the number that it was given first, and no other path has one', () => {
  const count = 5000;
  const table = new PathTable(count);
  for (let number = 0; number < count; number++) table.add(`base/5/${number}`, number);
  table.add('base/5/7', 99);
  for (let number = 0; number < count; number++) assert.equal(table.get(`base/5/${number}`), number);
  for (let number = 0; number < count; number++) assert.equal(table.get(`base/6/${number}`), undefined);
});

test('an empty table has no path', () => {
  assert.equal(new PathTable(0).get('base'), undefined);
});
