import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  logsEveryChange,
  planChanges,
  type ChangesRequest,
  type LineageRecord,
} from '../../../../../src/operations/backup/changes/plan.ts';

const day = (number: number) => new Date(Date.UTC(2026, 10, number));
const full = record('full', 1);

function record(id: string, at: number, more: Partial<LineageRecord> = {}): LineageRecord {
  return {
    ...{ id, startTime: day(at), damagedPages: 0, timeline: 1, backupFrom: 'primary', dataChecksums: true },
    ...more,
  };
}

function plan(more: Partial<ChangesRequest> = {}) {
  return planChanges({
    settings: { walSummaries: 'auto', auditEveryMs: 7 * 86_400_000 },
    server: { serverVersion: 180_004, summarizesWal: true },
    lineage: [full],
    backups: [full],
    now: day(3),
    ...more,
  });
}

describe('changes are found', () => {
  it('by summaries of a server that is trusted', () => {
    assert.deepEqual(plan(), { from: 'summaries', isAudit: false });
  });

  it('by digests without a word where nobody expects summaries', () => {
    const silent = { from: 'digests', reason: undefined };
    assert.deepEqual(plan({ server: { serverVersion: 150_006, summarizesWal: false } }), silent);
    assert.deepEqual(plan({ settings: { walSummaries: 'off', auditEveryMs: 0 } }), silent);
  });

  it.each<[string, RegExp, Partial<ChangesRequest>]>([
    ['off', /^summarize_wal is off$/, { server: { serverVersion: 180_004, summarizesWal: false } }],
    ['old', /^17\.2 is before/, { server: { serverVersion: 170_002, summarizesWal: true } }],
    [
      'of a damaged parent',
      /^day has 2 damaged pages, to be looked at again$/,
      { lineage: [full, record('day', 2, { damagedPages: 2 })] },
    ],
    [
      'found wrong since the full backup',
      /^backup audit found 1 changed page that they do not name; they are trusted again after the next full backup$/,
      { backups: [full, { ...record('audit', 2), audited: { missedPages: 1 } }] },
    ],
  ])('by digests, and why, where summaries are %s', (_what, reason, more) => {
    const planned = plan(more);
    assert.ok(planned.from === 'digests');
    assert.match(planned.reason ?? '', reason);
  });

  it('by summaries again after a full backup', () => {
    const backups = [{ ...record('audit', 2), audited: { missedPages: 1 } }, record('full2', 3)];
    assert.deepEqual(plan({ lineage: [record('full2', 3)], backups }), { from: 'summaries', isAudit: false });
  });
});

describe('an audit is due', () => {
  const isAudit = (backups: ChangesRequest['backups'], now: number) => {
    const planned = plan({ backups, now: day(now) });
    return planned.from === 'summaries' && planned.isAudit;
  };

  it('a week after the oldest backup, whatever full ones came since', () => {
    assert.equal(isAudit([full, record('full2', 7)], 7), false);
    assert.equal(isAudit([full, record('full2', 7)], 8), true);
  });

  it('a week after the last audit', () => {
    const audits = [2, 9].map(at => ({ ...record(`audit${at}`, at), audited: { missedPages: 0 } }));
    assert.equal(isAudit([full, ...audits, record('day', 12)], 15), false);
    assert.equal(isAudit([full, ...audits, record('day', 12)], 16), true);
  });
});

it('all changes are in WAL only of one primary with checksums', () => {
  const now = { timeline: 1, backupFrom: 'primary', dataChecksums: true } as const;
  assert.equal(logsEveryChange([full, record('day', 2)], now), true);
  assert.equal(logsEveryChange([full, record('day', 2, { backupFrom: 'standby' })], now), false);
  assert.equal(logsEveryChange([full], { ...now, timeline: 2 }), false);
  assert.equal(logsEveryChange([full], { ...now, backupFrom: 'standby' }), false);
  assert.equal(
    logsEveryChange([record('full', 1, { dataChecksums: false })], { ...now, dataChecksums: false }),
    false,
  );
});
