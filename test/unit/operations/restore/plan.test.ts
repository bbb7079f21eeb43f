import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import type { RestorePlan } from '../../../../src/operations/restore/plan.ts';
import { at, commits, plan, type Drawn } from '../../../support/restore-scenario.ts';

/** Two backups on one timeline, segments 2 to 30, a commit a segment and minute. */
const line: Drawn = {
  backups: [
    { id: 'old', from: 2.2, to: 3.1, ended: 3 },
    { id: 'new', from: 20.2, to: 21.1, ended: 21 },
  ],
  runs: [{ timeline: 1, first: 2, last: 30 }],
  events: [...commits(1, 2, 30), { timeline: 1, at: 10.7, minute: 10, name: 'before-upgrade' }],
};

const time = (minutes: number, seconds = '30') =>
  `2026-11-22 10:${String(minutes).padStart(2, '0')}:${seconds}+00`;

async function refusal(work: Promise<unknown>): Promise<WalvaultError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof WalvaultError, String(error));
    return error;
  }
  return assert.fail('nothing was refused');
}

function walOf({ wal }: RestorePlan): string {
  return wal.map(({ timeline, first, last }) => `${timeline}:${first}-${last}`).join(' ');
}

describe('a target within a DROP DATABASE', () => {
  /** From the middle of minute 12 to the middle of minute 14; the commit of minute 13 lies between. */
  const dropped = { timeline: 1, at: 14.3, minute: 14, xid: 999 };
  const rest = [dropped, ...commits(1, 14, 30)];
  const busy: Drawn = {
    ...line,
    events: [...commits(1, 2, 13), ...rest],
    drops: [{ from: 12.7, to: 14.3 }],
  };
  const quiet: Drawn = { ...busy, events: [...commits(1, 2, 12), ...rest] };

  test('without a commit between: recovery stops before the drop began', async () => {
    for (const target of [
      { targetTime: time(12) },
      { targetTime: time(13) },
      { targetLsn: '0/E00000', exclusive: true },
      { targetXid: '999', exclusive: true },
    ]) {
      const planned = await plan(quiet, target);
      assert.deepEqual(planned.target, { kind: 'lsn', lsn: at(12.7), inclusive: false });
      assert.equal(planned.spared?.name, 'sales');
      assert.equal(planned.backup.id, 'old');
    }
  });

  test('with a commit between: refused, with the position, the commits and the way past', async () => {
    const error = await refusal(plan(busy, { targetTime: time(13) }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /within the DROP DATABASE of database "sales", which began at 0\/CB3333/);
    assert.match(
      error.hint ?? '',
      /^--target-lsn 0\/CB3333 --exclusive brings it back and gives up 1 later commit \(transaction 1013, 2026-11-22 10:13:00\+00\); --through-drop/,
    );
    const through = await plan(busy, { targetTime: time(13), throughDrops: true });
    assert.equal(through.target.kind, 'time');
  });

  test('before it, after it, and to the end of the archive: as asked', async () => {
    for (const target of [{ targetTime: time(11) }, { targetTime: time(14) }, {}]) {
      const planned = await plan(busy, target);
      assert.equal(planned.spared, undefined);
      assert.notEqual(planned.target.kind, 'lsn');
    }
  });

  test('within two that overlap: before the first', async () => {
    const two = {
      ...quiet,
      drops: [
        { from: 12.8, to: 14.3 },
        { from: 12.65, to: 13.5 },
      ],
    };
    assert.equal((await plan(two, { targetTime: time(13) })).spared?.lsn, at(12.65));
  });
});

describe('on one timeline', () => {
  test('without a target: the newest backup, to the end of the archive', async () => {
    const planned = await plan(line);
    assert.equal(planned.backup.id, 'new');
    assert.equal(planned.timeline, 1);
    assert.equal(walOf(planned), '1:20-30');
  });

  test('a time between two backups: the older one', async () => {
    const planned = await plan(line, { targetTime: time(15) });
    assert.equal(planned.backup.id, 'old');
    assert.equal(walOf(planned), '1:2-30');
  });

  test('a time after both: the newer one', async () => {
    assert.equal((await plan(line, { targetTime: time(25) })).backup.id, 'new');
  });

  test('order follows positions, not ids or their place in the list', async () => {
    const shuffled = {
      ...line,
      backups: [
        { id: '20990101T000000Z-full-ffff', from: 2.2, to: 3.1, ended: 3 },
        { id: '20000101T000000Z-full-0000', from: 20.2, to: 21.1, ended: 21 },
      ].reverse(),
    };
    assert.equal((await plan(shuffled)).backup.id, '20000101T000000Z-full-0000');
  });

  test('a time at the very end of a backup serves; a microsecond before does not', async () => {
    assert.equal((await plan(line, { targetTime: time(21, '00') })).backup.id, 'new');
    assert.equal((await plan(line, { targetTime: time(20, '59.999999') })).backup.id, 'old');
  });

  test('a time before the oldest backup names the oldest possible', async () => {
    const error = await refusal(plan(line, { targetTime: time(1) }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /before the end of the oldest backup on timeline 1, old/);
    assert.match(error.hint ?? '', /oldest possible target is 2026-11-22 10:03:00\+00/);
  });

  test('a time in the future names the newest commit', async () => {
    const error = await refusal(plan(line, { targetTime: time(45) }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /last commit in the archive, 2026-11-22 10:30:00\+00/);
  });

  test('the time of the last commit itself: PostgreSQL would run past it and fail; just before it stops there', async () => {
    const error = await refusal(plan(line, { targetTime: time(30, '00') }));
    assert.equal(error.code, 'target');
    assert.equal((await plan(line, { targetTime: time(30, '00'), exclusive: true })).backup.id, 'new');
  });

  test('a backup too new for the target is refused and a better one named', async () => {
    const error = await refusal(plan(line, { targetTime: time(15), backup: 'new' }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /backup new ended at 2026-11-22 10:21:00\+00.*too new/);
    assert.match(error.hint ?? '', /Backup old is old enough/);
  });

  test('an older backup can be asked for', async () => {
    assert.equal((await plan(line, { backup: 'old' })).backup.id, 'old');
  });

  test('an unknown backup', async () => {
    assert.equal((await refusal(plan(line, { backup: 'none' }))).code, 'not-found');
  });

  test('an LSN inside: WAL up to its segment', async () => {
    const planned = await plan(line, { targetLsn: '0/F80000' });
    assert.equal(planned.backup.id, 'old');
    assert.equal(walOf(planned), '1:2-15');
    assert.equal(planned.stopsAt?.lsn, at(15.6));
  });

  test('an LSN beyond the archived end', async () => {
    const error = await refusal(plan(line, { targetLsn: '1/0' }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /beyond the archived WAL, which ends at 0\/1F00000/);
  });

  test('an LSN after the last record of the last segment', async () => {
    assert.equal((await refusal(plan(line, { targetLsn: '0/1EF0000' }))).code, 'target');
  });

  test('an LSN inside the newest backup takes the older', async () => {
    assert.equal((await plan(line, { targetLsn: '0/1480000' })).backup.id, 'old');
  });

  test('a transaction between the backups is found from the older one', async () => {
    const planned = await plan(line, { targetXid: '1010' });
    assert.equal(planned.backup.id, 'old');
    assert.equal(planned.stopsAt?.lsn, at(10.6));
    assert.equal(walOf(planned), '1:2-10');
  });

  test('a transaction after both, from the newer one', async () => {
    assert.equal((await plan(line, { targetXid: '1025' })).backup.id, 'new');
  });

  test('a transaction that is nowhere: says what was read', async () => {
    const error = await refusal(plan(line, { targetXid: '7' }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /transaction 7 is not between 0\/31999A and 0\/1F00000 on timeline 1/);
  });

  test('a restore point by name', async () => {
    const planned = await plan(line, { targetName: 'before-upgrade' });
    assert.equal(planned.backup.id, 'old');
    assert.equal(planned.stopsAt?.lsn, at(10.7));
  });

  test('a restore point that lies before the backup that was asked for', async () => {
    assert.equal((await refusal(plan(line, { targetName: 'before-upgrade', backup: 'new' }))).code, 'target');
  });

  test('immediate: only what makes the backup consistent', async () => {
    const planned = await plan(line, { targetImmediate: true });
    assert.equal(planned.backup.id, 'new');
    assert.equal(walOf(planned), '1:20-21');
  });

  test('a timeline that is not there', async () => {
    const error = await refusal(plan(line, { timeline: 7 }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /timeline 7 is not in the archive/);
  });
});

describe('a restore point that was noted', () => {
  const named = (place: number) => ({ timeline: 1, at: place, minute: Math.floor(place), name: 'x' });
  const stop = async (drawn: Partial<Drawn>) => {
    const planned = await plan({ ...line, ...drawn }, { targetName: 'x' });
    return [planned.backup.id, planned.stopsAt?.lsn];
  };

  test('is looked for where the note says, and found in the WAL', async () => {
    const events = [named(10.7), named(25.3)];
    assert.deepEqual(await stop({ events }), ['new', at(25.3)], 'without a note');
    assert.deepEqual(await stop({ events, noted: [{ timeline: 1, at: 10.7 }] }), ['old', at(10.7)]);
    const both = [10.7, 25.3].map(place => ({ timeline: 1, at: place }));
    assert.deepEqual(await stop({ events, noted: both }), ['new', at(25.3)], 'the newest of two');
  });

  test('is where recovery would stop, which may be earlier', async () => {
    const events = [named(5.2), named(10.7)];
    assert.deepEqual(await stop({ events, noted: [{ timeline: 1, at: 10.7 }] }), ['old', at(5.2)]);
  });

  test('is searched for as ever where the note is wrong', async () => {
    const events = [named(10.7)];
    for (const noted of [
      { timeline: 1, at: 8 },
      { timeline: 1, at: 99 },
      { timeline: 7, at: 10.7 },
      { timeline: 1, at: 0 },
    ])
      assert.deepEqual(await stop({ events, noted: [noted] }), ['old', at(10.7)], JSON.stringify(noted));
    const missing = plan({ ...line, noted: [{ timeline: 1, at: 10.7 }] }, { targetName: 'x' });
    assert.equal((await refusal(missing)).code, 'target');
  });
});

describe('holes', () => {
  const holed: Drawn = {
    ...line,
    runs: [
      { timeline: 1, first: 2, last: 24 },
      { timeline: 1, first: 26, last: 30 },
    ],
  };
  const hole = /^000000010000000000000019 is not archived/;

  for (const [name, options] of [
    ['the end', {}],
    ['a time behind it', { targetTime: time(27) }],
    ['an LSN behind it', { targetLsn: '0/1B80000' }],
    ['a transaction behind it', { targetXid: '1027' }],
  ] as const)
    test(`${name}: refused, naming the first missing segment`, async () => {
      const error = await refusal(plan(holed, options));
      assert.equal(error.code, 'wal-missing');
      assert.match(error.message, hole);
    });

  test('a target before the hole is reached', async () => {
    assert.equal((await plan(holed, { targetTime: time(23) })).backup.id, 'new');
    assert.equal((await plan(holed, { targetXid: '1023' })).backup.id, 'new');
    assert.equal((await plan(holed, { targetXid: '1012' })).backup.id, 'old');
  });

  describe('where WAL was given up', () => {
    const cut: Drawn = {
      backups: [
        { id: 'old', from: 2.2, to: 3.1, ended: 3 },
        { id: 'beyond', from: 28.2, to: 29.1, ended: 29 },
      ],
      runs: [
        { timeline: 1, first: 2, last: 24 },
        { timeline: 1, first: 26, last: 30 },
      ],
      lost: [{ timeline: 1, first: 25, last: 25 }],
      events: commits(1, 2, 30),
    };
    const given = /^000000010000000000000019 is not archived \(it was given up .* by db1: .*no answer\)/;

    test('a target across it is refused with the reason, and both sides of the gap are named', async () => {
      const error = await refusal(plan(cut, { targetTime: time(27) }));
      assert.equal(error.code, 'wal-missing');
      assert.match(error.message, given);
      assert.match(error.hint ?? '', /before 2026-11-22 10:24:00.*backup beyond.*after 2026-11-22 10:29:00/);
    });

    test('what lies before and beyond is reached', async () => {
      assert.equal((await plan(cut, { targetTime: time(23) })).backup.id, 'old');
      assert.equal((await plan(cut)).backup.id, 'beyond');
    });

    test('the archive does not end there, though nothing later has arrived', async () => {
      const ended = { ...cut, backups: cut.backups.slice(0, 1), runs: [{ timeline: 1, first: 2, last: 24 }] };
      assert.match((await refusal(plan(ended))).message, given);
      assert.equal((await plan({ ...ended, lost: [] })).backup.id, 'old');
      assert.equal((await plan(ended, { targetTime: time(23) })).backup.id, 'old');
    });

    test('a branch of which all WAL was given up is not passed over for its parent, which goes on', async () => {
      const branched: Drawn = {
        ...cut,
        backups: cut.backups.slice(0, 1),
        runs: [{ timeline: 1, first: 2, last: 24, seen: 45 }],
        branches: { 2: { parent: 1, at: 20.5, seen: 40 } },
        lost: [{ timeline: 2, first: 20, last: 22 }],
      };
      assert.match(
        (await refusal(plan(branched))).message,
        /^000000020000000000000014 is not archived \(it was/,
      );
    });
  });

  describe('where the tail of the archive is lost', () => {
    const cut: Drawn = {
      backups: [{ id: 'old', from: 2.2, to: 3.1, ended: 3 }],
      runs: [{ timeline: 1, first: 2, last: 24 }],
      known: [{ timeline: 1, first: 26, last: 27, sign: 'backup' }],
      events: commits(1, 2, 24),
    };

    test('the archive does not end there, and the message says what shows it', async () => {
      for (const sign of ['backup', 'high-water', 'removed'] as const) {
        const known = [{ timeline: 1, first: 26, last: 27, sign }];
        const error = await refusal(plan({ ...cut, known }));
        assert.equal(error.code, sign === 'removed' ? 'target' : 'wal-missing');
        assert.match(error.message, new RegExp(`^0+100+19 is not archived \\(a ${sign} says so\\)`));
        assert.match(error.hint ?? '', /walvault gap ack/);
      }
      assert.equal((await plan({ ...cut, known: [] })).backup.id, 'old');
      assert.equal((await plan(cut, { targetTime: time(23) })).backup.id, 'old');
    });

    test('with all WAL of a branch', async () => {
      const branched: Drawn = {
        ...cut,
        runs: [{ timeline: 1, first: 2, last: 24, seen: 45 }],
        branches: { 2: { parent: 1, at: 20.5, seen: 40 } },
        known: [{ timeline: 2, first: 22, last: 22, sign: 'high-water' }],
      };
      assert.match((await refusal(plan(branched))).message, /^0+200+14 is not archived/);
    });

    test('until it is accepted; a target beyond it stays out of reach', async () => {
      const acknowledged = [{ timeline: 1, first: 25, last: 27 }];
      const planned = await plan({ ...cut, acknowledged });
      assert.equal(walOf(planned), '1:2-24');
      assert.equal(planned.acceptedGap?.reason, 'ticket 7');
      assert.equal((await refusal(plan({ ...cut, acknowledged }, { targetTime: time(27) }))).code, 'target');
      const before = await plan({ ...cut, acknowledged }, { targetTime: time(23) });
      assert.equal(before.acceptedGap, undefined);
    });

    test('nobody accepted an end on the way to another timeline', async () => {
      const branched: Drawn = {
        ...cut,
        runs: [
          { timeline: 1, first: 2, last: 20 },
          { timeline: 2, first: 22, last: 24 },
        ],
        branches: { 2: { parent: 1, at: 22.5, seen: 40 } },
        known: [],
        acknowledged: [{ timeline: 1, first: 21, last: 21 }],
      };
      assert.equal((await refusal(plan(branched))).code, 'wal-missing');
    });

    test('a branch whose end cleanup removed is not one to follow', async () => {
      const branched: Drawn = {
        backups: [{ id: 'old', from: 2.2, to: 3.1, ended: 3 }],
        runs: [
          { timeline: 1, first: 2, last: 10 },
          { timeline: 2, first: 10, last: 20 },
        ],
        branches: { 2: { parent: 1, at: 10.5, seen: 40 } },
        known: [{ timeline: 1, first: 11, last: 15, sign: 'removed' }],
        events: [...commits(1, 2, 10), ...commits(2, 10, 20)],
      };
      assert.equal((await plan(branched, { targetTime: time(18) })).timeline, 2);
    });
  });

  test('inside the WAL of a backup', async () => {
    const error = await refusal(
      plan({ ...line, runs: [{ timeline: 1, first: 2, last: 20 }] }, { targetImmediate: true }),
    );
    assert.equal(error.code, 'wal-missing');
    assert.match(error.message, /000000010000000000000015, which backup new needs/);
  });

  test('just before a fork', async () => {
    const forked: Drawn = {
      backups: [{ id: 'b', from: 2.2, to: 3.1, ended: 3 }],
      branches: { 2: { parent: 1, at: 10.5, seen: 10 } },
      runs: [
        { timeline: 1, first: 2, last: 8 },
        { timeline: 2, first: 10, last: 20 },
      ],
      events: [...commits(1, 2, 8), ...commits(2, 10, 20)],
    };
    const error = await refusal(plan(forked));
    assert.equal(error.code, 'wal-missing');
    assert.match(error.message, /^000000010000000000000009 is not archived/);
    assert.equal((await refusal(plan(forked, { targetTime: time(15) }))).code, 'wal-missing');
  });

  test('a hole on the branch that has the target is not answered with another branch that reaches it, too', async () => {
    const split: Drawn = {
      backups: [{ id: 'b', from: 2.2, to: 3.1, ended: 3 }],
      branches: { 2: { parent: 1, at: 10.5, seen: 10 } },
      runs: [
        { timeline: 1, first: 2, last: 20 },
        { timeline: 2, first: 10, last: 12 },
        { timeline: 2, first: 14, last: 20 },
      ],
      events: [...commits(1, 2, 20), ...commits(2, 10, 20)],
    };
    assert.equal((await refusal(plan(split, { targetTime: time(15) }))).code, 'wal-missing');
  });

  test("the child's own copy of the segment it left its parent in", async () => {
    const promoted: Drawn = {
      backups: [{ id: 'b', from: 2.2, to: 3.1, ended: 3 }],
      branches: { 2: { parent: 1, at: 10.5, seen: 10 } },
      runs: [{ timeline: 1, first: 2, last: 10 }],
      events: commits(1, 2, 10),
    };
    const error = await refusal(plan(promoted));
    assert.equal(error.code, 'wal-missing');
    assert.match(error.message, /^00000002000000000000000A is not archived/);
    assert.equal((await plan(promoted, { timeline: 1 })).timeline, 1);
  });
});

/** A failover at 10.5; the old primary wrote on until segment 11, then was gone. */
const failover: Drawn = {
  backups: [
    { id: 'before', from: 2.2, to: 3.1, ended: 3 },
    { id: 'after', from: 14.2, to: 15.1, ended: 15, timeline: 2 },
  ],
  branches: { 2: { parent: 1, at: 10.5, seen: 12 } },
  runs: [
    { timeline: 1, first: 2, last: 11, seen: 11 },
    { timeline: 2, first: 10, last: 20, seen: 20 },
  ],
  events: [
    ...commits(1, 2, 11).map(event => (event.at < 11 ? { ...event, at: event.at - 0.3 } : event)),
    ...commits(2, 10, 20, 3),
  ],
};

describe('after a failover', () => {
  test('to the end: along the new timeline, from its backup', async () => {
    const planned = await plan(failover);
    assert.equal(planned.backup.id, 'after');
    assert.equal(planned.timeline, 2);
    assert.equal(walOf(planned), '2:14-20');
  });

  test('an old backup follows the history; the segment of the switch is the child’s', async () => {
    const planned = await plan(failover, { backup: 'before' });
    assert.equal(planned.timeline, 2);
    assert.equal(walOf(planned), '1:2-9 2:10-20');
  });

  test('a time before the switch lies on both and is no question', async () => {
    const planned = await plan(failover, { targetTime: time(8) });
    assert.equal(planned.timeline, 2);
    assert.equal(planned.backup.id, 'before');
  });

  test('a time only the new timeline has', async () => {
    assert.equal((await plan(failover, { targetTime: time(17) })).timeline, 2);
  });

  test('a time that the old primary wrote past the switch, and the new one too: refused, naming both', async () => {
    const error = await refusal(plan(failover, { targetTime: time(10) }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /on timeline 1 .* and on timeline 2 /);
    assert.match(error.hint ?? '', /--target-timeline 1 or --target-timeline 2/);
    assert.equal((await plan(failover, { targetTime: time(10), timeline: 1 })).timeline, 1);
    assert.equal((await plan(failover, { targetTime: time(10), timeline: 'latest' })).timeline, 2);
  });

  test('the current timeline is that of the backup, also of one that its servers left', async () => {
    const current = async (options: Parameters<typeof plan>[1]) => {
      const { backup, timeline } = await plan(failover, { ...options, timeline: 'current' });
      return `${backup.id} on ${timeline}`;
    };
    assert.equal(await current({}), 'after on 2');
    assert.equal(await current({ backup: 'before' }), 'before on 1');
    assert.equal(await current({ backup: 'before', targetImmediate: true }), 'before on 1');
    assert.equal(await current({ targetTime: time(17) }), 'after on 2');
    assert.equal(await current({ targetTime: time(10) }), 'before on 1');
    assert.equal(await current({ targetXid: '1011' }), 'before on 1');
  });

  test('a transaction that only the abandoned end has is found there', async () => {
    const planned = await plan(failover, { targetXid: '1011' });
    assert.equal(planned.timeline, 1);
    assert.equal(planned.backup.id, 'before');
  });

  test('an LSN past the switch is on both', async () => {
    assert.equal((await refusal(plan(failover, { targetLsn: '0/B20000' }))).code, 'target');
    assert.equal((await plan(failover, { targetLsn: '0/720000' })).timeline, 2);
  });

  test('a backup of a timeline does not serve its sibling', async () => {
    const error = await refusal(plan(failover, { backup: 'after', timeline: 1 }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /backup after does not lie on the way to timeline 1/);
  });

  test('a backup that ended past the switch is not on the way to the child', async () => {
    const late: Drawn = {
      ...failover,
      backups: [...failover.backups, { id: 'late', from: 10.2, to: 11.2, ended: 11 }],
    };
    const planned = await plan(late, { targetTime: time(16), timeline: 2 });
    assert.equal(planned.backup.id, 'after');
    assert.equal((await refusal(plan(late, { backup: 'late', timeline: 2 }))).code, 'target');
  });

  test('without a backup on the way to the child: refused, naming the timeline that has one', async () => {
    const late: Drawn = { ...failover, backups: [{ id: 'late', from: 10.2, to: 11.2, ended: 11 }] };
    for (const target of [{}, { targetImmediate: true }]) {
      const error = await refusal(plan(late, target));
      assert.equal(error.code, 'target');
      assert.match(error.message, /^no backup lies on the way to timeline 2, on which the servers went on$/);
      assert.match(error.hint ?? '', /--target-timeline 1\./);
      assert.equal((await plan(late, { ...target, timeline: 1 })).backup.id, 'late');
    }
  });
});

describe('branches that both live', () => {
  const copies: Drawn = {
    backups: [{ id: 'b', from: 2.2, to: 3.1, ended: 3 }],
    branches: { 2: { parent: 1, at: 8.5, seen: 30 }, 3: { parent: 1, at: 9.5, seen: 35 } },
    runs: [
      { timeline: 1, first: 2, last: 10, seen: 20 },
      { timeline: 2, first: 8, last: 12, seen: 32 },
      { timeline: 3, first: 9, last: 12, seen: 40 },
    ],
    events: [...commits(1, 2, 10), ...commits(2, 8, 12, 22), ...commits(3, 9, 12, 27)],
  };

  test('to the end: refused, naming both and how to choose', async () => {
    const error = await refusal(plan(copies));
    assert.equal(error.code, 'target');
    assert.match(error.message, /timeline 2 .*timeline 3 /);
    assert.equal((await plan(copies, { timeline: 2 })).timeline, 2);
    assert.equal((await plan(copies, { timeline: 'latest' })).timeline, 3);
  });

  test('a time at which one of them was quiet: refused, naming both', async () => {
    const error = await refusal(plan(copies, { targetTime: time(38) }));
    assert.equal(error.code, 'target');
    assert.match(error.message, /is on timeline 3, but timeline 2 existed then, too: .*10:34:00\+00/);
    assert.match(error.hint ?? '', /--target-timeline 3, .*--target-timeline 2 and no target/);
    assert.equal((await plan(copies, { targetTime: time(38), timeline: 3 })).timeline, 3);
    assert.equal((await plan(copies, { targetTime: time(38), timeline: 'latest' })).timeline, 3);
  });

  test('a time before they part', async () => {
    assert.equal((await plan(copies, { targetTime: time(6) })).backup.id, 'b');
  });

  test('a sibling on which nothing was archived is no rival', async () => {
    const idle = { ...copies, runs: copies.runs.filter(({ timeline }) => timeline !== 2) };
    assert.equal((await plan(idle)).timeline, 3);
  });

  test('an origin that archives on after a copy of it was promoted is a rival of the copy', async () => {
    const clone: Drawn = {
      ...copies,
      branches: { 2: { parent: 1, at: 8.5, seen: 15 } },
      runs: copies.runs.filter(({ timeline }) => timeline !== 3),
    };
    assert.equal((await refusal(plan(clone))).code, 'target');
  });

  test('immediate needs no choice: the backup decides', async () => {
    const planned = await plan(copies, { targetImmediate: true });
    assert.equal(planned.timeline, 1);
    assert.equal(walOf(planned), '1:2-3');
  });
});

/** Timeline 2 is production since segment 10.5, and was quiet after minute 15; the old primary was never stopped. */
const splitBrain: Drawn = {
  backups: [{ id: 'b', from: 2.2, to: 3.1, ended: 3 }],
  branches: { 2: { parent: 1, at: 10.5, seen: 12 } },
  runs: [
    { timeline: 1, first: 2, last: 20, seen: 21 },
    { timeline: 2, first: 10, last: 14, seen: 16 },
  ],
  events: [...commits(1, 2, 20), ...commits(2, 10, 14, 1)],
};

describe('a split brain', () => {
  test('whose new primary was quiet at the target: refused, whichever of them is the parent', async () => {
    const error = await refusal(plan(splitBrain, { targetTime: time(17) }));
    assert.match(error.message, /is on timeline 1, but timeline 2 existed then, too: .*10:15:00\+00/);
    const quietParent: Drawn = {
      ...splitBrain,
      runs: [
        { timeline: 1, first: 2, last: 12, seen: 13 },
        { timeline: 2, first: 10, last: 20, seen: 21 },
      ],
      events: [...commits(1, 2, 12), ...commits(2, 10, 20, 1)],
    };
    const other = await refusal(plan(quietParent, { targetTime: time(17) }));
    assert.match(other.message, /is on timeline 2, but timeline 1 existed then, too: .*10:12:00\+00/);
  });

  test('whose new primary has no backup: the old one is not taken instead', async () => {
    const late: Drawn = { ...splitBrain, backups: [{ id: 'late', from: 14.2, to: 15.1, ended: 15 }] };
    for (const target of [{}, { targetTime: time(17) }]) {
      const error = await refusal(plan(late, target));
      assert.match(error.message, /timeline 2 existed then, too: no backup lies on the way to timeline 2/);
      assert.match(error.hint ?? '', /take a backup of its server now/);
      assert.equal((await plan(late, { ...target, timeline: 1 })).timeline, 1);
      assert.equal((await plan(late, { ...target, backup: 'late' })).timeline, 1);
    }
  });

  test('a position that only one of them has reached', async () => {
    const error = await refusal(plan(splitBrain, { targetLsn: '0/1080000' }));
    assert.match(
      error.message,
      /is on timeline 1, but timeline 2 existed then, too: .*beyond the archived WAL/,
    );
  });

  test('is no question for what lies before it, and for what was found', async () => {
    assert.equal((await plan(splitBrain, { targetTime: time(8) })).backup.id, 'b');
    assert.equal((await plan(splitBrain, { targetLsn: '0/720000' })).backup.id, 'b');
    assert.equal((await plan(splitBrain, { targetXid: '1018' })).timeline, 1);
  });

  test('is over once cleanup has removed the WAL of a branch that left before the oldest backup', async () => {
    const cleaned: Drawn = {
      ...splitBrain,
      backups: [{ id: 'late', from: 14.2, to: 15.1, ended: 15 }],
      runs: [{ timeline: 1, first: 14, last: 20, seen: 21 }],
    };
    assert.equal((await plan(cleaned, { targetTime: time(17) })).timeline, 1);
  });
});

test('an empty archive', async () => {
  assert.equal((await refusal(plan({ backups: [], runs: [] }))).code, 'not-found');
});

test('no transaction at all after the backup', async () => {
  const error = await refusal(plan({ ...line, events: [] }, { targetTime: time(25) }));
  assert.equal(error.code, 'target');
  assert.match(error.message, /no transaction is archived on timeline 1 after backup new/);
});

describe('beside a history that cannot be read', () => {
  const stray: Drawn = { ...line, unusable: [2] };
  const promoted: Drawn = { ...stray, runs: [...line.runs, { timeline: 2, first: 30, last: 35 }] };

  test('a timeline without WAL is left out', async () => {
    assert.equal((await plan(stray)).timeline, 1);
    const error = await refusal(plan(stray, { timeline: 2 }));
    assert.equal(error.code, 'damaged');
    assert.match(error.message, /timeline 2 cannot be followed.*it is empty/);
  });

  test('a timeline with WAL may be the right one: the other must be named', async () => {
    const error = await refusal(plan(promoted));
    assert.match(error.message, /timeline 2 has WAL in the archive and may be the right one/);
    assert.match(error.hint ?? '', /--target-timeline 1\. Remove it with/);
    assert.equal((await plan(promoted, { timeline: 1 })).timeline, 1);
  });
});
