import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { chooseParent, type AskedType } from '../../../../../src/operations/backup/parent/choose-parent.ts';
import { judgeParents } from '../../../../../src/operations/backup/parent/usable-parents.ts';
import type { KnownBackup, ParentServer } from '../../../../../src/operations/backup/parent/known-backup.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const now = new Date('2026-11-30T02:00:00Z');
const settings = { fullEveryMs: 7 * dayMs, differentialEveryMs: dayMs, mostChangedShare: 0.5 };
const server: ParentServer = {
  systemId: 7n,
  timeline: 1,
  history: [],
  lsn: 10_000n,
  dataChecksums: true,
  blockSizeBytes: 8192,
  now,
};

interface Made extends Partial<KnownBackup> {
  readonly id: string;
  readonly at: bigint;
  readonly ageMs?: number;
}

/** Against `parent`, if it is given. */
function backup({ at, ageMs = hourMs, ...rest }: Made): KnownBackup {
  const { timeline = 1 } = rest;
  return {
    type: rest.parent === undefined ? 'full' : 'incremental',
    parent: undefined,
    systemId: 7n,
    timeline,
    startLsn: at,
    stopLsn: at + 10n,
    walRanges: [{ timeline, startLsn: at, endLsn: at + 10n }],
    startTime: new Date(now.getTime() - ageMs),
    dataChecksums: true,
    blockSizeBytes: 8192,
    isExpiring: false,
    isReadable: true,
    ownBytes: rest.parent === undefined ? 1000 : 100,
    ...rest,
  };
}

const full = backup({ id: 'full', at: 100n, ageMs: 3 * dayMs });
const day = backup({ id: 'day', at: 200n, ageMs: 5 * hourMs, parent: 'full' });
const hour = backup({ id: 'hour', at: 300n, parent: 'day' });

/** The parent and the code, or `full` and the code. */
function choose(backups: readonly KnownBackup[], asked: AskedType = 'auto', on: Partial<ParentServer> = {}) {
  const choice = chooseParent({ asked, settings, backups, server: { ...server, ...on } });
  const what = choice.kind === 'full' ? 'a full one' : `${choice.parent.id}, depth ${choice.depth}`;
  assert.notEqual(choice.reason, '');
  return `${what}: ${choice.code}`;
}

test.each<[string, AskedType, KnownBackup[], string]>([
  ['nothing is there', 'auto', [], 'a full one: no-full'],
  ['a full one is asked for', 'full', [full, day], 'a full one: asked'],
  ['a differential is asked for', 'differential', [full, day, hour], 'full, depth 2: asked'],
  ['and nothing is there', 'differential', [], 'a full one: no-full'],
  ['an incremental is asked for', 'incremental', [full, day, hour], 'day, depth 3: asked'],
  ['and there is no differential', 'incremental', [full], 'full, depth 2: no-differential'],
  ['the full one is alone', 'auto', [full], 'full, depth 2: no-differential'],
  ['the differential is recent', 'auto', [full, day, hour], 'day, depth 3: differential-is-recent'],
  ['it is old', 'auto', [full, { ...day, startTime: new Date(now.getTime() - 2 * dayMs) }, hour], 'full, depth 2: differential-is-old'],
  ['it is a second short of old', 'auto', [full, { ...day, startTime: new Date(now.getTime() - dayMs + 1000) }], 'full, depth 2: differential-is-old'],
  ['it is an hour short of old', 'auto', [full, { ...day, startTime: new Date(now.getTime() - dayMs + hourMs) }], 'day, depth 3: differential-is-recent'],
  ['the full one is old', 'auto', [{ ...full, startTime: new Date(now.getTime() - 7 * dayMs) }, day], 'a full one: full-is-old'],
  ['much has changed', 'auto', [full, { ...day, ownBytes: 500 }], 'a full one: much-changed'],
  ['less has changed', 'auto', [full, { ...day, ownBytes: 499 }], 'day, depth 3: differential-is-recent'],
  ['what is asked for is done however old and changed', 'incremental', [{ ...full, startTime: new Date(0) }, { ...day, ownBytes: 999 }], 'day, depth 3: asked'],
  ['clocks went back', 'auto', [{ ...full, startTime: new Date(now.getTime() + dayMs) }], 'full, depth 2: no-differential'],
  ['the newer full one counts, by its place and not by id or clock', 'incremental', [backup({ id: 'a-newer', at: 400n, ageMs: 9 * dayMs }), full, day, hour], 'a-newer, depth 2: no-differential'],
  ['and so does the newer differential', 'incremental', [full, backup({ id: 'a-newer', at: 400n, ageMs: 9 * dayMs, parent: 'full' }), day], 'a-newer, depth 3: asked'],
  ['a differential of an older tree is none of this one', 'incremental', [full, backup({ id: 'full2', at: 250n }), backup({ id: 'late', at: 400n, parent: 'full' })], 'full2, depth 2: no-differential'],
  ['the newest full one is unusable', 'incremental', [full, day, backup({ id: 'full2', at: 400n, isExpiring: true })], 'day, depth 3: asked'],
  ['the differential is unusable', 'auto', [full, { ...day, isReadable: false }], 'full, depth 2: no-differential'],
  ['the full one is, and so is what needs it', 'incremental', [{ ...full, isExpiring: true }, day, hour], 'a full one: no-full'],
  ['the full one is gone', 'incremental', [day, hour], 'a full one: no-full'],
])('%s', (_what, asked, backups, expected) => {
  assert.equal(choose(backups, asked), expected);
}); // prettier-ignore

describe('a full backup cannot be a parent, and it is said why:', () => {
  const left = (switchpoint: bigint) => [{ timeline: 1, switchpoint, reason: '' }];
  test.each<[string, Partial<KnownBackup>, Partial<ParentServer>, RegExp]>([
    ['another system', { systemId: 8n }, {}, /is of system 8/],
    ['it is being removed', { isExpiring: true }, {}, /is being removed/],
    ['another timeline', { timeline: 2 }, {}, /is not on the way to timeline 1/],
    ['a start behind the switchpoint', {}, { timeline: 2, history: left(100n) }, /is not on the way to timeline 2/],
    ['an end behind the switchpoint', {}, { timeline: 2, history: left(109n) }, /ended behind 0\/6D, where the server left timeline 1/],
    ['WAL of a timeline that the server never was on', { walRanges: [{ timeline: 5, startLsn: 100n, endLsn: 105n }] }, {}, /is not on the way/],
    ['an end that the server has not reached', {}, { lsn: 109n }, /ended at 0\/6E, and the server is at 0\/6D/],
    ['other checksums', { dataChecksums: false }, {}, /was taken with data checksums off/],
    ['other blocks', { blockSizeBytes: 4096 }, {}, /blocks of 4096 bytes/],
    ['it does not open', { isReadable: false }, {}, /cannot be read with this host's secret/],
  ])('%s', (_what, change, on, message) => {
    const choice = chooseParent({ asked: 'auto', settings, backups: [{ ...full, ...change }], server: { ...server, ...on } });
    assert.equal(choice.kind, 'full');
    assert.match(choice.reason, message);
    assert.match(choice.unusable[0]?.reason ?? '', message);
  }); // prettier-ignore

  test('one that ended just at the switchpoint, on the way, can be', () => {
    assert.equal(
      choose([full], 'auto', { timeline: 2, history: left(110n) }),
      'full, depth 2: no-differential',
    );
  });
});

describe('judgement of a catalogue', () => {
  test('backups of the third level are no parents, and need no reason', () => {
    const { usable, unusable } = judgeParents([full, day, hour], server);
    assert.deepEqual(
      usable.map(({ backup: { id }, depth }) => [id, depth]),
      [
        ['day', 2],
        ['full', 1],
      ],
    );
    assert.deepEqual(unusable, []);
  });

  test('a differential is as unusable as its full backup', () => {
    const reasonOf = (...backups: KnownBackup[]) =>
      judgeParents(backups, server).unusable.find(({ id }) => id === 'day')?.reason;
    assert.equal(reasonOf({ ...full, isExpiring: true }, day), 'its parent full is being removed');
    assert.equal(reasonOf(day), 'its parent full is gone');
    assert.equal(reasonOf({ ...day, parent: undefined }), 'names no parent');
  });

  test('the place of a backup is its start, also where another one ran meanwhile', () => {
    const long = backup({ id: 'long', at: 100n, stopLsn: 900n });
    const short = backup({ id: 'brief', at: 200n });
    const { usable } = judgeParents([long, short], server);
    assert.deepEqual(
      usable.map(({ backup: { id } }) => id),
      ['brief', 'long'],
    );
  });
});

test('any catalogue gives a usable parent of depth 1 or 2 on the way, the newest, or a full backup', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const made = fc
    .record({
      at: fc.bigInt({ min: 0n, max: 400n }),
      parent: fc.option(fc.constantFrom(...ids), { nil: undefined }),
      timeline: fc.constantFrom(1, 2, 2, 3),
      isExpiring: fc.nat({ max: 5 }).map(number => number === 0),
      isReadable: fc.nat({ max: 5 }).map(number => number > 0),
    })
    .map(({ at, ...rest }) => ({ at, ...rest }));
  const history = [{ timeline: 1, switchpoint: 150n, reason: '' }];
  fc.assert(
    fc.property(
      fc.array(made, { maxLength: ids.length }),
      fc.constantFrom<AskedType>('differential', 'incremental', 'auto'),
      (catalogue, asked) => {
        const backups = catalogue.map((one, index) => backup({ ...one, id: ids[index] ?? '' }));
        const on = { ...server, timeline: 2, history, lsn: 380n };
        const isGood = ({ timeline, startLsn, stopLsn, isExpiring, isReadable }: KnownBackup) =>
          !isExpiring &&
          isReadable &&
          stopLsn <= 380n &&
          (timeline === 1 ? stopLsn <= 150n : timeline === 2 && startLsn >= 150n);
        const choice = chooseParent({ asked, settings, backups, server: on });
        const fulls = backups.filter(one => one.type === 'full' && isGood(one));
        const newest = fulls.reduce<bigint>((most, { startLsn }) => (startLsn > most ? startLsn : most), -1n);
        if (choice.kind === 'full') {
          assert.ok(choice.code !== 'no-full' || fulls.length === 0);
          return;
        }
        assert.ok(isGood(choice.parent));
        const root =
          choice.depth === 2 ? choice.parent : backups.find(({ id }) => id === choice.parent.parent);
        assert.ok(root !== undefined && root.type === 'full' && isGood(root));
        assert.equal(root.startLsn, newest);
        if (asked === 'differential') assert.equal(choice.depth, 2);
      },
    ),
    { numRuns: 500 },
  );
});
