import assert from 'node:assert/strict';
import { test } from 'vitest';
import { verifiedOf } from '../../../../src/operations/list/verified.ts';
import type { NumberRange, ReadDepth } from '../../../../src/repository/format/notes/verified.ts';

const backup = { id: 'b', parts: [1, 2, 3, 1_000_001].map(number => ({ number })) };
const at = (day: number) => new Date(Date.UTC(2026, 10, day));
const note = (day: number, parts: readonly NumberRange[], depth: ReadDepth = 'decoded', id = 'b') => ({
  ...{ backup: id, parts, depth },
  verifiedAt: at(day),
});

test('a backup was verified when the part was whose last verification is longest ago', () => {
  const notes = [
    note(1, [[1, 1_000_001]], 'stored'),
    note(5, [[1, 2]]),
    note(9, [[1, 1]]),
    note(7, [
      [3, 3],
      [1_000_001, 1_000_001],
    ]),
    note(30, [[1, 9]], 'decoded', 'another'),
  ];
  assert.deepEqual(verifiedOf(backup, notes), {
    ...{ verifiedAt: at(5), depth: 'decoded' },
    ...{ partCount: 4, ofParts: 4 },
  });
});

test('parts that nobody read are told, and the weakest depth', () => {
  assert.deepEqual(verifiedOf(backup, [note(5, [[2, 3]], 'stored'), note(4, [[2, 2]])]), {
    ...{ verifiedAt: at(5), depth: 'stored' },
    ...{ partCount: 2, ofParts: 4 },
  });
  assert.equal(verifiedOf(backup, [note(5, [[7, 8]])]), undefined);
  assert.equal(verifiedOf(backup, []), undefined);
});
