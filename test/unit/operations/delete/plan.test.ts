import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { Allowances } from '../../../../src/operations/delete/decisions.ts';
import { planDeletion } from '../../../../src/operations/delete/plan.ts';
import type { SystemState } from '../../../../src/operations/cleanup/state.ts';
import { backup, day, restoring, stateOf, unfinished } from '../../../support/cleanup-state.ts';
import { at, surveyOf, type Drawn } from '../../../support/restore-scenario.ts';

const none: Allowances = { withChildren: false, lastFull: false, unreadable: false };

const plan = (
  id: string,
  state: Partial<SystemState>,
  { allowed = {}, restores }: { allowed?: Partial<Allowances>; restores?: Drawn } = {},
) =>
  planDeletion({
    state: stateOf(state),
    restores: restores && surveyOf(restores),
    id,
    allowed: { ...none, ...allowed },
    now: day(10),
    trust: 'require',
  });

const refusals = (...given: Parameters<typeof plan>) => plan(...given).refusals.map(({ code }) => code);
const going = (...given: Parameters<typeof plan>) => plan(...given).removal.backups.map(({ id }) => id);

const [a, b] = [backup({ id: 'a', at: 1, segments: [1, 2] }), backup({ id: 'b', at: 2, segments: [5, 6] })];
const child = backup({ id: 'c', at: 3, segments: [8, 9], parent: 'a' });
const grandchild = backup({ id: 'd', at: 4, segments: [11, 12], parent: 'c' });

describe('a deletion', () => {
  it('takes the one backup, and no WAL', () => {
    assert.deepEqual(refusals('a', { backups: [a, b] }), []);
    assert.deepEqual(going('a', { backups: [a, b] }), ['a']);
    assert.deepEqual(plan('a', { backups: [a, b] }).removal.wal, []);
  });

  it('is refused for a pinned backup', () => {
    assert.deepEqual(refusals('a', { backups: [a, b], pinned: new Set(['a']) }), ['pinned']);
  });

  it('is refused for a backup that a restore reads', () => {
    const restores = [restoring('a', '000000010000000000000001')];
    const [refusal, ...more] = plan('a', { backups: [a, b], restores }).refusals;
    assert.deepEqual([refusal?.code, more], ['restoring', []]);
    assert.match(refusal?.message ?? '', /^backup a: a restore into \/srv\/restored on db2 needs it/);
  });

  it('is refused where others build on the backup, unless they go, too; their pins count', () => {
    const backups = [a, b, child, grandchild];
    assert.deepEqual(refusals('a', { backups }), ['children']);
    assert.match(plan('a', { backups }).refusals[0]?.message ?? '', /^backups c, d build on backup a$/);
    assert.deepEqual(refusals('a', { backups }, { allowed: { withChildren: true } }), []);
    assert.deepEqual(going('a', { backups }, { allowed: { withChildren: true } }), ['a', 'c', 'd']);
    const pinned = new Set(['d']);
    assert.deepEqual(refusals('a', { backups, pinned }, { allowed: { withChildren: true } }), ['pinned']);
    assert.deepEqual(refusals('d', { backups }), [], 'a child alone');
  });

  it('is refused for the last full backup that counts, unless that is meant', () => {
    assert.deepEqual(refusals('a', { backups: [a] }), ['last-full']);
    assert.deepEqual(refusals('a', { backups: [a] }, { allowed: { lastFull: true } }), []);
    const broken = { ...b, isComplete: false };
    const stranger = { ...b, verdict: { status: 'unsigned' } as const };
    for (const other of [broken, stranger])
      assert.deepEqual(refusals('a', { backups: [a, other] }), ['last-full']);
  });

  it('is refused for a backup in progress, and for one that it may build on', () => {
    const recent = unfinished('n', 9.9);
    assert.deepEqual(refusals('n', { backups: [a, b], unfinished: [recent] }), ['in-progress']);
    assert.deepEqual(refusals('n', { backups: [a, b], unfinished: [unfinished('n', 1)] }), []);
    const rest = { backups: [a, b], unfinished: [recent], expiring: new Set(['n']) };
    assert.deepEqual(refusals('n', rest), [], 'an earlier deletion was interrupted');
    const onA = unfinished('n', 9.9, { claim: { kind: 'named', parent: 'a' } });
    assert.deepEqual(refusals('a', { backups: [a, b], unfinished: [onA] }), ['parent-in-progress']);
    assert.deepEqual(refusals('b', { backups: [a, b], unfinished: [onA] }), []);
    const unknown = unfinished('n', 9.9, { claim: { kind: 'unknown' } });
    assert.deepEqual(refusals('b', { backups: [a, b], unfinished: [unknown] }), ['parent-in-progress']);
    const planted = unfinished('n', 9.9, { claim: { kind: 'unproven' } });
    assert.deepEqual(refusals('b', { backups: [a, b], unfinished: [planted] }), []);
  });

  it('is refused for a backup whose record cannot be used, unless that is meant', () => {
    const unreadable = {
      id: 'u',
      problem: 'no JSON',
      verdict: { status: 'unsigned' },
      claim: { kind: 'none' },
      objectCount: 3,
      storedBytes: 10,
    } as const;
    const state = { backups: [a, b], unreadable: [unreadable] };
    assert.deepEqual(refusals('u', state), ['unreadable']);
    assert.deepEqual(refusals('u', state, { allowed: { unreadable: true } }), []);
    assert.deepEqual(going('u', state, { allowed: { unreadable: true } }), ['u']);
  });
});

describe('what is lost with a backup', () => {
  const lost = (id: string, restores: Drawn) =>
    plan(id, { backups: [a, b] }, { restores }).lost.map(({ timeline, from, to, until }) => [
      timeline,
      from,
      to,
      until?.backup,
    ]);
  const two = [
    { id: 'a', from: 1.2, to: 1.8, ended: 1 },
    { id: 'b', from: 5.2, to: 5.8, ended: 5 },
  ];

  it('is what only it leads to: up to where the next one takes over', () => {
    const whole: Drawn = { backups: two, runs: [{ timeline: 1, first: 1, last: 9 }] };
    assert.deepEqual(lost('a', whole), [[1, at(1.8), at(5.8), 'b']]);
    assert.deepEqual(lost('b', whole), [], 'the older one leads there, too');
    assert.deepEqual(lost('a', { ...whole, backups: two.slice(0, 1) }), [[1, at(1.8), at(10), undefined]]);
  });

  it('ends at a hole, and behind it another backup alone leads on', () => {
    const runs = [
      { timeline: 1, first: 1, last: 2 },
      { timeline: 1, first: 5, last: 9 },
    ];
    assert.deepEqual(lost('a', { backups: two, runs }), [[1, at(1.8), at(3), undefined]]);
    assert.deepEqual(lost('b', { backups: two, runs }), [[1, at(5.8), at(10), undefined]]);
  });

  it('goes on over timelines', () => {
    const drawn: Drawn = {
      backups: [two[0] ?? assert.fail(), { id: 'b', from: 7.2, to: 7.8, ended: 5, timeline: 2 }],
      branches: { 2: { parent: 1, at: 4.5 } },
      runs: [
        { timeline: 1, first: 1, last: 5 },
        { timeline: 2, first: 4, last: 9 },
      ],
    };
    assert.deepEqual(lost('a', drawn), [
      [1, at(1.8), at(6), undefined],
      [2, at(4.5), at(7.8), 'b'],
    ]);
    assert.deepEqual(lost('b', drawn), []);
  });

  it('is nothing for a backup that cannot be made consistent', () => {
    const runs = [{ timeline: 1, first: 5, last: 9 }];
    assert.deepEqual(lost('a', { backups: two, runs }), []);
  });
});
