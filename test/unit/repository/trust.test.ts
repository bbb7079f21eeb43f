import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { SignatureVerdict } from '../../../src/pipeline/openpgp/index.ts';
import { isBelieved, type SignaturePolicy } from '../../../src/repository/encoding/signature-policy.ts';
import {
  supersedes,
  whyNotCounted,
  whyNotUsed,
  type CountingOptions,
} from '../../../src/repository/trust.ts';
import { backup, day, wal, type BackupWords } from '../../support/cleanup-state.ts';

const verdicts: readonly SignatureVerdict[] = [
  { status: 'good', fingerprint: 'F' },
  { status: 'unsigned' },
  { status: 'untrusted', keyId: 'K' },
  { status: 'bad', reason: 'R' },
];

const one = (words: Partial<BackupWords> = {}) => backup({ id: 'one', at: 3, segments: [3, 4], ...words });

function whyNot(words: Partial<BackupWords>, options: Partial<CountingOptions> = {}): string | undefined {
  const limits = { clockSkewMs: 3_600_000, commitDelayMs: 86_400_000 };
  return whyNotCounted(one(words), { policy: 'require', ...limits, segments: [wal(1, 1, 9, 9)], ...options });
}

describe('a signature', () => {
  const believed: Record<SignaturePolicy, readonly string[]> = {
    require: ['good'],
    warn: ['good', 'unsigned', 'untrusted'],
    off: ['good', 'unsigned', 'untrusted', 'bad'],
  };
  for (const [policy, statuses] of Object.entries(believed))
    it(`is believed under "${policy}" when it is ${statuses.join(', ')}`, () => {
      const found = verdicts.filter(verdict => isBelieved(verdict, policy as SignaturePolicy));
      assert.deepEqual(
        found.map(({ status }) => status),
        statuses,
      );
      for (const verdict of verdicts)
        assert.equal(
          whyNotUsed(one({ known: { verdict } }), policy as SignaturePolicy) === undefined,
          statuses.includes(verdict.status),
        );
    });
});

describe('a commit record', () => {
  it('counts when it is believed, whole, and its times, positions and WAL agree', () => {
    assert.equal(whyNot({}), undefined);
    const unsigned = { verdict: { status: 'unsigned' } } as const;
    assert.equal(whyNot({ known: unsigned }, { policy: 'warn' }), undefined);
    assert.match(whyNot({ known: unsigned }) ?? '', /is not signed/);
    assert.match(whyNot({ record: { startLsn: 1n } }) ?? '', /contradict/);
    assert.match(whyNot({ known: { committedAt: day(1) } }) ?? '', /claims to have ended/);
    assert.equal(whyNot({ known: { committedAt: day(9) } }), undefined, 'signed, in a copied repository');
    assert.match(
      whyNot({ known: { ...unsigned, committedAt: day(9) } }, { policy: 'warn' }) ?? '',
      /long after/,
    );
    assert.match(whyNot({ known: { isComplete: false } }) ?? '', /parts of it are missing/);
    assert.match(whyNot({}, { segments: [wal(1, 4, 9, 9)] }) ?? '', /some of the WAL/);
  });

  it('supersedes another only by position and by the store’s clock', () => {
    const older = one();
    assert.ok(supersedes(one({ segments: [5, 6], at: 4 }), older));
    assert.ok(!supersedes(one({ segments: [5, 6], at: 2 }), older), 'it came before');
    assert.ok(!supersedes(one({ segments: [1, 2], at: 4 }), older), 'it lies before');
  });
});
