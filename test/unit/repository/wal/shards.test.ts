import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { planShards, type LogDirectory } from '../../../../src/repository/wal/shards.ts';

const logs = (count: number): LogDirectory[] =>
  Array.from({ length: count }, (_, log) => ({ timeline: 1, log }));

describe('the plan of a listing in parts', () => {
  it('divides ten million segments among all requests in flight', () => {
    const starts = planShards(logs(39_063), { segmentsPerLog: 256, atOnce: 32 });
    assert.equal(starts.length, 31, 'the first part begins where the listing does');
    const ends = [...starts.map(({ log }) => log), 39_063];
    for (const [index, end] of ends.entries())
      assert.ok(
        Math.abs(end - (ends[index - 1] ?? 0) - 39_063 / 32) < 2,
        `part ${index} is as long as the others`,
      );
  });

  it('makes no part of less than two pages', () => {
    assert.deepEqual(planShards(logs(15), { segmentsPerLog: 256, atOnce: 32 }), []);
    assert.equal(planShards(logs(16), { segmentsPerLog: 256, atOnce: 32 }).length, 1);
    assert.deepEqual(planShards([], { segmentsPerLog: 256, atOnce: 32 }), []);
  });

  it('begins no part twice where a log has more than a page', () => {
    const starts = planShards(logs(3), { segmentsPerLog: 4096, atOnce: 32 });
    assert.deepEqual(starts, logs(3).slice(1));
  });
});
