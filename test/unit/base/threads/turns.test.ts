import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'vitest';
import { Turns } from '../../../../src/base/threads/turns.ts';

test('one after the other, in the order in which they came', async () => {
  const turns = new Turns();
  const begun: number[] = [];
  const ends = [1, 2, 3].map(async number => {
    const end = await turns.take();
    begun.push(number);
    return end;
  });
  for (const [index, end] of ends.entries()) {
    await turn();
    assert.deepEqual(begun, [1, 2, 3].slice(0, index + 1));
    (await end)();
  }
});
