import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { segmentsAfter } from '../../../../src/operations/fetch/plan.ts';

const mib = 1024 ** 2;
const alone = { timeline: 1, history: [] };

test('names go over to the next log where the segment size says so', () => {
  for (const [sizeBytes, last] of [
    [1 * mib, 'FFF'],
    [16 * mib, 'FF'],
    [64 * mib, '3F'],
    [1024 * mib, '3'],
  ] as const)
    assert.deepEqual(
      segmentsAfter(BigInt((4 * 1024 * mib) / sizeBytes - 2), 2, alone, new WalGeometry(sizeBytes)),
      [`0000000100000000${last.padStart(8, '0')}`, '000000010000000100000000'],
      `${sizeBytes}`,
    );
});

test('each segment is that of the newest timeline that has begun by its end', () => {
  const at = (switchpoint: bigint) => ({
    timeline: 4,
    history: [
      { timeline: 1, switchpoint: 0x3000000n, reason: '' },
      { timeline: 2, switchpoint, reason: '' },
    ],
  });
  const timelines = (switchpoint: bigint) =>
    segmentsAfter(0n, 8, at(switchpoint), new WalGeometry(16 * mib)).map(name => Number(name.slice(0, 8)));
  // Timeline 1 was left on the boundary of segment 3, timeline 2 inside of segment 5, on its first byte, on its last.
  assert.deepEqual(timelines(0x5800000n), [1, 1, 2, 2, 4, 4, 4, 4]);
  assert.deepEqual(timelines(0x5000000n), [1, 1, 2, 2, 4, 4, 4, 4]);
  assert.deepEqual(timelines(0x5ffffffn), [1, 1, 2, 2, 4, 4, 4, 4]);
});
