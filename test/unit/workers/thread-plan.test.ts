import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { Config } from '../../../src/config/index.ts';
import { planThreads } from '../../../src/workers/thread-plan.ts';

interface Asked {
  readonly repositories: readonly { readonly url: string; readonly required: boolean }[];
  readonly queueLimitBytes?: number;
  readonly jobs?: number;
}

function planFor({ repositories, queueLimitBytes, jobs = 4 }: Asked) {
  return planThreads({ repositories, archive: { jobs, queueLimitBytes }, fetch: { jobs: 1 } } as Config, 2);
}

const directory = { url: 'file:///archive', required: true };
const bucket = { url: 's3://archive', required: true };

describe('the threads of an agent', () => {
  it('call a directory that is alone themselves, one more than processors', () => {
    assert.deepEqual(planFor({ repositories: [directory] }), { threads: 3, isDirect: true });
  });

  it('are no more than jobs', () => {
    assert.deepEqual(planFor({ repositories: [directory], jobs: 2 }), { threads: 2, isDirect: true });
    assert.deepEqual(planFor({ repositories: [bucket], jobs: 1 }), { threads: 1, isDirect: false });
  });

  for (const [why, asked] of [
    ['a bucket', { repositories: [bucket] }],
    ['a second repository, which goes on while the first hangs', { repositories: [directory, directory] }],
    ['a directory that may fail', { repositories: [{ ...directory, required: false }] }],
    ['a queue whose limit needs proof of an outage', { repositories: [directory], queueLimitBytes: 1 }],
  ] as const)
    it(`leave file calls to the pool for ${why}`, () => {
      assert.deepEqual(planFor(asked), { threads: 2, isDirect: false });
    });
});
