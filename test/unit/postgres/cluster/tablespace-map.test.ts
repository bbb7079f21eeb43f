import assert from 'node:assert/strict';
import { test } from 'vitest';
import { encodeTablespaceMap } from '../../../../src/postgres/cluster/tablespace-map.ts';

test('the map is written as PostgreSQL reads it', () => {
  assert.equal(encodeTablespaceMap([{ oid: 5, directory: '/b\\c\nd e' }]), '5 /b\\\\c\\\nd e\n');
});
