import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import {
  backup,
  day,
  dayMs,
  inSegment,
  kept,
  plan,
  reasonsFor,
  removed,
  removedWal,
  geometry,
  unfinished,
  wal,
} from '../../../support/cleanup-state.ts';

/** One full a day on one timeline; ten segments a day. */
const daily = (days: number) =>
  Array.from({ length: days }, (_, index) =>
    backup({ id: `d${index + 1}`, at: index + 1, segments: [index * 10 + 10, index * 10 + 11] }),
  );

describe('keep-last', () => {
  it('keeps the newest and the WAL from the oldest of them on', () => {
    const result = plan({ backups: daily(5), wal: [wal(1, 1, 60, 6)] }, { keepLast: 2 }, 6);
    assert.deepEqual(kept(result), ['d4', 'd5']);
    assert.deepEqual(removed(result), ['d1', 'd2', 'd3']);
    assert.deepEqual(removedWal(result), ['1:1-39']);
    for (const { reasons } of [...result.backups, ...result.wal]) assert.ok(reasons.length > 0);
  });

  it('goes by position: an id or a clock that says otherwise changes nothing', () => {
    const [first, second] = [
      backup({ id: 'z', at: 1, segments: [10, 11] }),
      backup({ id: 'a', at: 2, segments: [20, 21] }),
    ];
    const result = plan({ backups: [second, first], wal: [wal(1, 1, 30, 3)] }, { keepLast: 1 }, 3);
    assert.deepEqual(kept(result), ['a']);
  });

  it('keeps the base of a timeline that was restored past newer backups', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(25) }]]);
    const state = { backups: daily(4), tree, wal: [wal(1, 1, 50, 4), wal(2, 25, 27, 5)] };
    const result = plan(state, { keepLast: 1 }, 5);
    assert.ok(reasonsFor(result, 'd2').includes('live-timeline'));
    assert.ok(!removedWal(result).some(range => range.startsWith('2:')));
    assert.deepEqual(removedWal(result), ['1:1-19']);
  });

  it('keeps the way to a primary in use beside a restored copy that backs up too', () => {
    const copy = [3, 4, 5].map(at =>
      backup({ id: `copy${at}`, at, segments: [at * 10, at * 10 + 1], timeline: 2 }),
    );
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(25) }]]);
    const state = { backups: [...daily(2), ...copy], tree, wal: [wal(1, 1, 60, 5), wal(2, 25, 60, 5)] };
    const result = plan(state, { keepLast: 1 }, 5.5);
    assert.deepEqual(kept(result), ['d2', 'copy5']);
    // d2 leads to both timelines: all WAL that can follow it stays.
    assert.deepEqual(removedWal(result), ['1:1-19']);
  });
});

describe('a repository that replaced another one', () => {
  const tree = new Map([[2, { parent: 1, switchpoint: inSegment(8) }]]);
  const state = { backups: daily(1), wal: [wal(1, 1, 40, 4)] };
  const policies = [{ keepLast: 1 }, { keepLast: 7 }, { recoveryWindowMs: 3 * dayMs }];

  it('keeps the WAL before its first backup, which continues the old one', () => {
    for (const policy of policies) assert.deepEqual(removedWal(plan(state, policy, 4)), []);
    const [early] = plan(state, { keepLast: 1 }, 4).wal;
    assert.deepEqual([early?.last, early?.reasons[0]?.code], [9n, 'before-first']);
  });

  it('keeps it on the timeline that the server has left since', () => {
    const wals = [wal(1, 1, 8, 0.5), wal(2, 8, 40, 4)];
    const first = backup({ id: 'd1', at: 1, segments: [10, 11], timeline: 2 });
    assert.deepEqual(removedWal(plan({ backups: [first], tree, wal: wals }, { keepLast: 1 }, 4)), []);
  });

  it('removes it with the first backup that expires, and all that comes later', () => {
    assert.deepEqual(removedWal(plan({ ...state, backups: daily(2) }, { keepLast: 1 }, 4)), ['1:1-19']);
    assert.deepEqual(removedWal(plan({ ...state, backups: daily(2) }, { keepLast: 2 }, 4)), []);
    const before = { ...state, expiring: new Set(['d0']) };
    for (const policy of policies) assert.deepEqual(removedWal(plan(before, policy, 4)), ['1:1-9']);
  });
});

describe('an idle server', () => {
  it('keeps its base when a restored copy has left nothing but a history file', () => {
    const tree = new Map([
      [2, { parent: 1, switchpoint: inSegment(15) }],
      [3, { parent: 1, switchpoint: inSegment(45) }],
    ]);
    const state = {
      backups: daily(4),
      tree,
      historyTimes: new Map([
        [2, day(5)],
        [3, day(90)],
      ]),
      wal: [wal(1, 1, 45, 4), wal(2, 15, 20, 6)],
    };
    for (const policy of [{ keepLast: 1 }, { recoveryWindowMs: 7 * dayMs }]) {
      const result = plan(state, policy, 100);
      assert.deepEqual(kept(result), ['d1', 'd4']);
      assert.ok(!removedWal(result).some(range => range.startsWith('2:')));
    }
  });
});

describe('recovery-window', () => {
  it('keeps the newest backup that ended before the window, and WAL from its start', () => {
    const result = plan(
      { backups: daily(9), wal: [wal(1, 1, 100, 10)] },
      { recoveryWindowMs: 3 * dayMs },
      9.5,
    );
    assert.deepEqual(kept(result), ['d6', 'd7', 'd8', 'd9']);
    assert.deepEqual(reasonsFor(result, 'd6'), ['window-anchor']);
    assert.deepEqual(removedWal(result), ['1:1-59']);
  });

  it('keeps everything when no backup ended before the window', () => {
    const result = plan({ backups: daily(3), wal: [wal(1, 1, 40, 4)] }, { recoveryWindowMs: 30 * dayMs }, 4);
    assert.deepEqual(removed(result), []);
    assert.deepEqual(removedWal(result), []);
  });

  it('an idle server keeps its last state, however long ago', () => {
    const result = plan({ backups: daily(3), wal: [wal(1, 1, 40, 4)] }, { recoveryWindowMs: 7 * dayMs }, 400);
    assert.deepEqual(kept(result), ['d3']);
    assert.deepEqual(removedWal(result), ['1:1-29']);
  });

  it('needs an anchor on each branch that was in use inside the window', () => {
    // Restored on day 5 to a moment on day 2.5: d3 and d4 do not lead to timeline 2.
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(25) }]]);
    const backups = [...daily(4), backup({ id: 'e6', at: 6, segments: [40, 41], timeline: 2 })];
    const state = { backups, tree, wal: [wal(1, 1, 50, 5), wal(2, 25, 60, 8)] };
    const result = plan(state, { recoveryWindowMs: 3.5 * dayMs }, 8);
    assert.deepEqual(kept(result), ['d2', 'd4', 'e6']);
    assert.ok(reasonsFor(result, 'd2').includes('window-anchor'));
    assert.deepEqual(removedWal(result), ['1:1-19']);
  });

  it('lets an abandoned branch go when the window has passed it', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(25) }]]);
    const late = [30, 35].map(at =>
      backup({ id: `e${at}`, at, segments: [at * 10, at * 10 + 1], timeline: 2 }),
    );
    const state = { backups: [...daily(4), ...late], tree, wal: [wal(1, 1, 50, 5), wal(2, 25, 400, 40)] };
    const result = plan(state, { recoveryWindowMs: 7 * dayMs }, 40);
    assert.deepEqual(kept(result), ['e30', 'e35']);
    assert.deepEqual(removedWal(result), ['1:1-50', '2:25-299']);
  });

  it('follows timelines through a failover', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(55) }]]);
    const state = {
      backups: [...daily(5), backup({ id: 'n6', at: 7, segments: [70, 71], timeline: 2 })],
      tree,
      wal: [wal(1, 1, 55, 6), wal(2, 55, 80, 8)],
    };
    const result = plan(state, { recoveryWindowMs: 2 * dayMs }, 8);
    assert.deepEqual(kept(result), ['d5', 'n6']);
    assert.deepEqual(removedWal(result), ['1:1-49']);
  });

  it('monthly fulls kept eighteen, recovery to any moment of one month', () => {
    const backups = Array.from({ length: 24 }, (_, index) =>
      backup({ id: `m${index}`, at: index * 30, segments: [index * 100 + 1, index * 100 + 2] }),
    );
    const state = { backups, wal: [wal(1, 1, 2400, 710)] };
    const result = plan(state, { keepMonthly: 18, recoveryWindowMs: 30 * dayMs }, 710);
    assert.equal(kept(result).length, 18);
    const starts = result.backups.filter(({ isWindowStart }) => isWindowStart).map(({ id }) => id);
    assert.deepEqual(starts, ['m22', 'm23']);
    // The older ones keep the two segments that make each of them consistent.
    assert.equal(removedWal(result).length, 17);
    assert.ok(removedWal(result).includes('1:603-700'));
    assert.ok(removedWal(result).includes('1:2103-2200'));
  });
});

describe('a backup taken with --keep-for', () => {
  const byHand = backup({ id: 'hand', at: 3.5, segments: [35, 36], record: { keepUntil: day(10) } });
  const state = { backups: [...daily(3), byHand], wal: [wal(1, 1, 60, 6)] };

  it('stays until then, and takes no place of a scheduled one', () => {
    const result = plan(state, { keepLast: 2, keepDaily: 2 }, 6);
    assert.deepEqual(kept(result), ['d2', 'd3', 'hand']);
    assert.ok(reasonsFor(result, 'hand').includes('keep-until'));
    assert.ok(!reasonsFor(result, 'hand').includes('keep-last'));
  });

  it('is judged as any other afterwards', () => {
    const result = plan(state, { keepLast: 2 }, 11);
    assert.deepEqual(kept(result), ['d3', 'hand']);
    assert.ok(reasonsFor(result, 'hand').includes('keep-last'));
  });
});

describe('rules without a window', () => {
  it('keep just the WAL that makes each backup consistent', () => {
    for (const policy of [{ keepWithinMs: 4 * dayMs }, { keepDaily: 4 }, { keepHourly: 4 }]) {
      const result = plan({ backups: daily(9), wal: [wal(1, 1, 100, 10)] }, policy, 9.5);
      assert.deepEqual(kept(result), ['d6', 'd7', 'd8', 'd9']);
      assert.deepEqual(removedWal(result), ['1:1-59', '1:62-69', '1:72-79', '1:82-89']);
    }
  });

  it('keep-last keeps all WAL from the oldest of its backups on, also beside other rules', () => {
    const policy = { keepLast: 2, keepDaily: 3, recoveryWindowMs: dayMs / 2 };
    const result = plan({ backups: daily(9), wal: [wal(1, 1, 100, 10)] }, policy, 9.5);
    assert.deepEqual(removedWal(result), ['1:1-69', '1:72-79']);
  });
});

describe('what is never removed', () => {
  it('the last full backup', () => {
    const backups = [
      backup({ id: 'full', at: 1, segments: [10, 11] }),
      ...[2, 3, 4].map(at =>
        backup({
          id: `incr${at}`,
          at,
          segments: [at * 10, at * 10 + 1],
          parent: at === 2 ? 'full' : `incr${at - 1}`,
        }),
      ),
    ];
    const result = plan({ backups, wal: [wal(1, 1, 60, 5)] }, { keepLast: 1 }, 500);
    assert.deepEqual(removed(result), []);
    assert.ok(reasonsFor(result, 'full').includes('newest-full'));
  });

  it('a parent of a kept backup, over several steps, and its own WAL', () => {
    const backups = [
      backup({ id: 'full1', at: 1, segments: [10, 11] }),
      backup({ id: 'incr1', at: 2, segments: [20, 21], parent: 'full1' }),
      backup({ id: 'incr2', at: 3, segments: [30, 31], parent: 'incr1' }),
      backup({ id: 'full2', at: 4, segments: [40, 41] }),
      backup({ id: 'full3', at: 5, segments: [50, 51] }),
    ];
    const result = plan({ backups, wal: [wal(1, 1, 60, 6)], pinned: new Set(['incr2']) }, { keepLast: 2 }, 6);
    assert.deepEqual(kept(result), ['full1', 'incr1', 'incr2', 'full2', 'full3']);
    assert.deepEqual(reasonsFor(result, 'incr1'), ['parent']);
    assert.deepEqual(removedWal(result), ['1:1-9', '1:12-19', '1:22-29', '1:32-39']);
  });

  it('fewer than the configured minimum', () => {
    const result = plan(
      { backups: daily(5), wal: [wal(1, 1, 60, 6)] },
      { keepLast: 1, minimumBackups: 3 },
      6,
    );
    assert.deepEqual(kept(result), ['d3', 'd4', 'd5']);
  });

  it('the newest backup without damaged pages, and the way on from it', () => {
    const backups = [
      ...daily(3),
      backup({ id: 'hurt', at: 4, segments: [40, 41], record: { damagedPages: 2 } }),
    ];
    const result = plan({ backups, wal: [wal(1, 1, 60, 6)] }, { keepLast: 1 }, 6);
    assert.deepEqual(kept(result), ['d3', 'hurt']);
    assert.deepEqual(removedWal(result), ['1:1-29']);
  });

  it('WAL where there is no backup', () => {
    const result = plan({ wal: [wal(1, 1, 60, 6)] }, { keepLast: 1 }, 600);
    assert.deepEqual(removedWal(result), []);
    assert.match(result.remarks[0]?.message ?? '', /no WAL is removed/);
  });

  it('WAL ranges of a standby backup that followed a switch', () => {
    const switchpoint = inSegment(15);
    const standby = backup({
      id: 'standby',
      at: 1,
      segments: [10, 20],
      record: {
        walRanges: [
          { timeline: 1, startLsn: inSegment(10), endLsn: switchpoint },
          { timeline: 2, startLsn: switchpoint, endLsn: inSegment(20) + 1000n },
        ],
      },
    });
    const later = [5, 6].map(at =>
      backup({ id: `l${at}`, at, segments: [at * 10, at * 10 + 1], timeline: 2 }),
    );
    const state = {
      backups: [standby, ...later],
      tree: new Map([[2, { parent: 1, switchpoint }]]),
      wal: [wal(1, 1, 18, 1), wal(2, 15, 80, 7)],
      pinned: new Set(['standby']),
    };
    const result = plan(state, { keepLast: 1 }, 60);
    assert.deepEqual(removedWal(result), ['1:1-9', '1:16-18', '2:21-59']);
  });
});

describe('records that cannot be trusted', () => {
  it('planted, future-dated or unsigned ones push nothing out and stay', () => {
    const future = backup({ id: 'future', at: 300, segments: [900, 901], known: { committedAt: day(5) } });
    const unsigned = backup({
      id: 'unsigned',
      at: 5,
      segments: [910, 911],
      known: { verdict: { status: 'unsigned' } },
    });
    const foreign = backup({
      id: 'foreign',
      at: 5,
      segments: [920, 921],
      known: { verdict: { status: 'untrusted', keyId: 'ABCD' } },
    });
    const result = plan(
      { backups: [...daily(4), future, unsigned, foreign], wal: [wal(1, 1, 60, 6)] },
      { keepLast: 2 },
      6,
    );
    assert.deepEqual(kept(result), ['d3', 'd4', 'future', 'unsigned', 'foreign']);
    assert.deepEqual(reasonsFor(result, 'future'), ['not-counted']);
    assert.match(result.remarks[0]?.message ?? '', /3 backups are not counted/);
  });

  it('an unsigned record counts where no signer is configured, if its times agree', () => {
    const unsigned = { verdict: { status: 'unsigned' } } as const;
    const backups = daily(3).map(one => ({ ...one, ...unsigned }));
    const anchor = backup({
      id: 'anchor',
      at: 2.5,
      segments: [800, 801],
      known: { ...unsigned, committedAt: day(5) },
    });
    const result = plan({ backups: [...backups, anchor], wal: [wal(1, 1, 60, 6)] }, { keepLast: 1 }, 6, {
      trust: 'warn',
    });
    assert.deepEqual(kept(result), ['d3', 'anchor']);
    assert.deepEqual(reasonsFor(result, 'anchor'), ['not-counted']);
  });

  it('a backup whose own WAL is not there does not push out one that can be restored', () => {
    const result = plan(
      { backups: daily(4), wal: [wal(1, 1, 40, 4), wal(1, 42, 60, 6)] },
      { keepLast: 1 },
      6,
    );
    assert.deepEqual(kept(result), ['d3', 'd4']);
    assert.deepEqual(reasonsFor(result, 'd4'), ['not-counted']);
  });

  it('a backup that builds on one with missing parts, or on none, does not push out a whole one', () => {
    const torn = backup({ id: 'torn', at: 4, segments: [40, 41], known: { isComplete: false } });
    for (const parent of ['torn', 'gone']) {
      const child = backup({ id: 'child', at: 5, segments: [50, 51], parent });
      const state = { backups: [...daily(3), torn, child], wal: [wal(1, 1, 60, 6)] };
      const result = plan(state, { recoveryWindowMs: dayMs }, 7);
      assert.ok(reasonsFor(result, 'd3').includes('window-anchor'));
      assert.deepEqual(reasonsFor(result, 'child'), ['not-counted']);
      assert.deepEqual(removedWal(result), ['1:1-29']);
    }
  });

  it('a backup with missing parts does not push out a whole one', () => {
    const torn = backup({ id: 'torn', at: 4, segments: [40, 41], known: { isComplete: false } });
    const result = plan({ backups: [...daily(3), torn], wal: [wal(1, 1, 60, 6)] }, { keepLast: 1 }, 6);
    assert.deepEqual(kept(result), ['d3', 'torn']);
  });

  it('an unreadable record keeps all WAL, and its parent', () => {
    const bad = { id: 'bad', problem: 'not JSON', objectCount: 1, storedBytes: 10 };
    const trusted = { status: 'good', fingerprint: 'F' } as const;
    const named = plan(
      {
        backups: daily(4),
        unreadable: [{ ...bad, verdict: trusted, claim: { kind: 'named', parent: 'd1' } }],
        wal: [wal(1, 1, 60, 6)],
      },
      { keepLast: 1 },
      6,
    );
    assert.deepEqual(removed(named), ['d2', 'd3']);
    assert.deepEqual(removedWal(named), []);
    const unknown = plan(
      {
        backups: daily(4),
        unreadable: [{ ...bad, verdict: trusted, claim: { kind: 'unknown' } }],
        wal: [wal(1, 1, 60, 6)],
      },
      { keepLast: 1 },
      6,
    );
    assert.deepEqual(removed(unknown), []);
    assert.deepEqual(removedWal(unknown), []);
  });

  it('a record whose positions contradict each other keeps all WAL', () => {
    const odd = backup({ id: 'odd', at: 4, segments: [40, 41], record: { walRanges: [] } });
    const result = plan({ backups: [...daily(3), odd], wal: [wal(1, 1, 60, 6)] }, { keepLast: 1 }, 6);
    assert.deepEqual(kept(result), ['d3', 'odd']);
    assert.deepEqual(removedWal(result), []);
  });

  it('a timeline of unknown origin stops everything', () => {
    const result = plan(
      { backups: daily(4), wal: [wal(1, 1, 60, 6), wal(3, 60, 70, 7)] },
      { keepLast: 1 },
      8,
    );
    assert.deepEqual(removed(result), []);
    assert.deepEqual(removedWal(result), []);
    assert.match(result.remarks[0]?.message ?? '', /history file of timeline 3/);
  });

  it('a history that cannot be read stops everything if its timeline has WAL, else it is only named', () => {
    const state = { backups: daily(4), unusable: new Map([[3, 'it is empty']]) };
    const withWal = plan({ ...state, wal: [wal(1, 1, 60, 6), wal(3, 60, 70, 7)] }, { keepLast: 1 }, 8);
    assert.deepEqual(removed(withWal), []);
    assert.match(withWal.remarks[0]?.message ?? '', /history of timeline 3 cannot be read \(it is empty\)/);
    assert.match(withWal.remarks[0]?.hint ?? '', /store rm --force.*00000003\.history/);
    const stray = plan({ ...state, wal: [wal(1, 1, 60, 6)] }, { keepLast: 1 }, 8);
    assert.deepEqual(
      removed(stray),
      removed(plan({ ...state, wal: [wal(1, 1, 60, 6)], unusable: new Map() }, { keepLast: 1 }, 8)),
    );
    assert(removed(stray).length > 0);
    assert.match(stray.remarks[0]?.message ?? '', /history of timeline 3 cannot be read: it is empty/);
  });

  it('an archive that begins on a later timeline needs no history of it', () => {
    const backups = daily(4).map(one => ({
      ...one,
      record: {
        ...one.record,
        timeline: 3,
        walRanges: one.record.walRanges.map(range => ({ ...range, timeline: 3 })),
      },
    }));
    const result = plan({ backups, wal: [wal(3, 1, 60, 6)] }, { keepLast: 1 }, 8);
    assert.deepEqual(removed(result), ['d1', 'd2', 'd3']);
  });
});

describe('backups without a record', () => {
  it('one in progress stays, with its parent and the WAL it may need', () => {
    const state = {
      backups: daily(4),
      unfinished: [unfinished('running', 5, { claim: { kind: 'named', parent: 'd2' } })],
      wal: [wal(1, 1, 60, 6)],
    };
    const result = plan(state, { keepLast: 1 }, 6);
    assert.deepEqual(kept(result), ['d2', 'd4', 'running']);
    // d4 ended exactly a day before the claim; d3 surely began before whatever restart point it starts from.
    assert.deepEqual(removedWal(result), ['1:1-19', '1:22-29']);
  });

  it('one in progress keeps WAL only on the ways that it may be on, so that the next plan finds no more', () => {
    // Restored on day 1 to the end of d1; d1 leads to both timelines, e3 to the second alone.
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(11) + 5000n }]]);
    const later = [3, 5].map(at =>
      backup({ id: `e${at}`, at, segments: [at * 10, at * 10 + 1], timeline: 2 }),
    );
    const state = {
      backups: [...daily(1), ...later],
      tree,
      wal: [wal(1, 10, 11, 1), wal(2, 11, 60, 6)],
      unfinished: [unfinished('new', 5)],
    };
    const first = plan(state, { keepLast: 1 }, 6);
    assert.deepEqual(kept(first), ['e5', 'new']);
    const left = removedWal(first);
    assert.deepEqual(left, ['2:11-29']);
    const backups = later.slice(1);
    const wals = [wal(1, 10, 11, 1), wal(2, 30, 60, 6)];
    const expiring = new Set(['d1', 'e3']);
    assert.deepEqual(removedWal(plan({ ...state, backups, wal: wals, expiring }, { keepLast: 1 }, 6)), []);
  });

  it('one that nobody wrote to for a week goes', () => {
    const result = plan(
      { backups: daily(4), unfinished: [unfinished('dead', 5)], wal: [wal(1, 1, 60, 6)] },
      { keepLast: 4 },
      13,
    );
    assert.deepEqual(removed(result), ['dead']);
    assert.deepEqual(reasonsFor(result, 'dead'), ['unfinished']);
  });

  it('the rest of one that cleanup announced goes at once', () => {
    const state = {
      backups: daily(4),
      unfinished: [unfinished('rest', 5)],
      expiring: new Set(['rest']),
      wal: [],
    };
    const result = plan(state, { keepLast: 4 }, 5);
    assert.deepEqual(reasonsFor(result, 'rest'), ['partly-removed']);
  });

  it('one on a timeline that no older backup leads to keeps all WAL of that timeline', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(25) }]]);
    const later = backup({ id: 'later', at: 9.5, segments: [40, 41], timeline: 2 });
    const state = {
      backups: [backup({ id: 'd3', at: 3, segments: [30, 31] }), later],
      unfinished: [unfinished('running', 9)],
      tree,
      wal: [wal(1, 1, 35, 4), wal(2, 25, 45, 10)],
    };
    const result = plan(state, { keepLast: 1 }, 10);
    assert.deepEqual(removedWal(result), []);
  });

  it('the first backup in progress keeps all WAL', () => {
    const result = plan(
      { unfinished: [unfinished('first', 5)], wal: [wal(1, 1, 60, 6)] },
      { keepLast: 1 },
      6,
    );
    assert.deepEqual(removedWal(result), []);
  });
});

describe('WAL', () => {
  it('is removed across holes, and kept ones are reported apart', () => {
    const state = { backups: daily(4), wal: [wal(1, 1, 5, 1), wal(1, 8, 33, 4), wal(1, 36, 60, 6)] };
    const result = plan(state, { keepLast: 2 }, 6);
    assert.deepEqual(removedWal(result), ['1:1-29']);
    assert.deepEqual(
      result.wal.filter(({ action }) => action === 'keep').map(({ first, last }) => [first, last]),
      [
        [30n, 33n],
        [36n, 60n],
      ],
    );
  });

  it('of a branch that no backup leads to stays while it is fresh', () => {
    const tree = new Map([[2, { parent: 1, switchpoint: inSegment(5) }]]);
    const state = { backups: daily(4), tree, wal: [wal(1, 1, 60, 6), wal(2, 5, 70, 6)] };
    const result = plan(state, { keepLast: 1 }, 6);
    assert.deepEqual(removedWal(result), ['1:1-39', '2:5-39']);
    const doubt = result.wal.find(({ timeline, action }) => timeline === 2 && action === 'keep');
    assert.deepEqual(
      doubt?.reasons.map(({ code }) => code),
      ['in-doubt'],
    );
  });

  it('names segments by the real segment size', () => {
    const result = plan({ backups: daily(2), wal: [wal(1, 1, 300, 6)] }, { keepLast: 1 }, 6);
    assert.equal(geometry.segmentSizeBytes, 16 * 1024 ** 2);
    assert.equal(result.wal[0]?.lastSegment, '000000010000000000000013');
    assert.equal(result.wal[1]?.lastSegment, '00000001000000010000002C');
  });

  it('of another segment size is not touched', () => {
    const result = plan(
      { backups: daily(2), wal: [wal(1, 1, 30, 6)], geometry: new WalGeometry(1024 ** 2) },
      { keepLast: 1 },
      6,
    );
    assert.deepEqual(removedWal(result), []);
  });
});

describe('a retired system', () => {
  it('goes whole, except pins', () => {
    const state = { backups: daily(3), wal: [wal(1, 1, 60, 6)], pinned: new Set(['d2']) };
    const result = plan(state, {}, 60, { isRetired: true });
    assert.deepEqual(kept(result), ['d2']);
    assert.deepEqual(removedWal(result), ['1:1-19', '1:22-60']);
  });

  it('stays while a backup of it may be in progress', () => {
    const result = plan(
      { backups: daily(3), unfinished: [unfinished('running', 5)], wal: [wal(1, 1, 60, 5)] },
      {},
      6,
      {
        isRetired: true,
      },
    );
    assert.deepEqual(removed(result), []);
  });
});
