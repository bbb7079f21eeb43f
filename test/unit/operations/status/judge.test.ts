import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { judge } from '../../../../src/operations/status/judge.ts';
import type { StatusFacts, SystemFacts } from '../../../../src/operations/status/facts.ts';
import {
  gibibyte,
  healthy,
  hostFacts,
  now,
  repositoryFacts,
  serverFacts,
  statusFacts,
  systemFacts,
} from '../../../support/status-facts.ts';
import { at, minute, type Drawn } from '../../../support/restore-scenario.ts';

const hour = 3_600_000;
const day = 24 * hour;

const ofSystem = (changes: Partial<SystemFacts>, drawn: Drawn = healthy): Partial<StatusFacts> => ({
  repositories: [repositoryFacts(systemFacts(drawn, changes))],
});
const drawn = (changes: Partial<Drawn>): Partial<StatusFacts> => ({
  repositories: [repositoryFacts(systemFacts({ ...healthy, ...changes }))],
});
const judged = (changes: Partial<StatusFacts>) => judge(statusFacts(changes), now);
const saidOf = (changes: Partial<StatusFacts>) =>
  judged(changes).findings.map(({ level, code, subject }) => `${level} ${code} ${subject}`);

const main = 'repository "main"';
const [old, newest] = systemFacts().backups;
const broken = (one: typeof old) =>
  ({ ...one, problem: 'is not whole: parts/000001.tar is missing' }) as never;
const failure = { wal: '00000001000000000000001F', time: '10:58', at: minute(58), isNewest: true };
const { archiver } = serverFacts();
const run = (damaged: number) => ({
  verifiedAt: minute(30),
  depth: 'stored' as const,
  damaged,
  warnings: 0,
  segmentCount: 5,
  partCount: 2,
});
const anomaly = {
  measure: 'ratio',
  value: 1000,
  usual: 4000,
  lowest: 3000,
  highest: 5000,
  comparedWith: 12,
} as const;

describe('the status of a healthy cluster', () => {
  const status = judged({});

  it('is ok, and has nothing to say', () => {
    assert.deepEqual([status.level, status.findings], ['ok', []]);
  });

  it('says how far back and how close to now it can be recovered', () => {
    const [repository] = status.repositories;
    assert.deepEqual(repository?.oldest, {
      timeline: 1,
      lsn: '0/31999A',
      positionBytes: Number(at(3.1)),
      time: minute(3),
    });
    assert.deepEqual(repository.newest, {
      timeline: 1,
      lsn: '0/1F00000',
      positionBytes: Number(at(31)),
      time: minute(59),
    });
    assert.deepEqual(repository.lag, { bytes: Number(at(0.5)), ms: 60_000 });
    assert.equal(repository.windowCount, 1);
  });

  it('says what comes next', () => {
    const [repository] = status.repositories;
    assert.deepEqual(repository?.backups.dueAt, new Date(minute(20).getTime() + day));
    assert.deepEqual(
      [repository.growth?.walBytesPerDay, repository.growth?.backupBytesPerDay],
      [63_273, 4364],
    );
    assert.ok(status.walDirectory.fullAt !== undefined && status.walDirectory.fullAt > now);
  });
});

describe('what a status finds', () => {
  it.each<[string, Partial<StatusFacts>, readonly string[]]>([
    // What could not be looked at is never sound (P13).
    [
      'a repository that cannot be read, beside one that can',
      {
        repositories: [
          repositoryFacts(),
          repositoryFacts(undefined, { name: 'off', systems: { unknown: 'no answer' } }),
        ],
      },
      ['unknown repository-unreadable repository "off"'],
    ],
    [
      'a server that does not answer',
      { server: { unknown: 'connection refused' } },
      ['unknown server-unreachable server'],
    ],
    [
      'files of the server that it may not read',
      { host: { unknown: 'permission denied' } },
      ['unknown pg-wal-unreadable pg_wal'],
    ],
    [
      'a queue that it may not count',
      {
        host: { known: hostFacts({ readySegments: { unknown: 'permission denied' } }) },
        server: { known: serverFacts({ readySegments: undefined }) },
      },
      ['unknown pg-wal-unreadable pg_wal'],
    ],
    [
      'nothing, where the server counts the queue',
      { host: { known: hostFacts({ readySegments: { unknown: 'denied' } }) } },
      [],
    ],
    [
      'a disk that hangs',
      { repositories: [repositoryFacts(undefined, { disk: { unknown: 'no answer within 5.0 s' } })] },
      ['unknown repository-disk repository "main"'],
    ],
    ['nothing, where the server is elsewhere', { host: undefined, agent: undefined }, []],
    [
      'nothing, where only the repositories are looked at',
      { server: undefined, host: undefined, agent: undefined },
      [],
    ],
    [
      'that no WAL has arrived, where the server is not known',
      { ...drawn({ runs: [{ timeline: 1, first: 2, last: 30, seen: 30 }] }), server: undefined },
      [`unknown lag ${main}`],
    ],
    // Backups.
    ['no backup', drawn({ backups: [] }), [`critical no-backup ${main}`]],
    [
      'no backup for a long time',
      { ...drawn({ backups: [] }), backupIntervalMs: hour },
      [`critical no-backup ${main}`, `critical backup-overdue ${main}`],
    ],
    ['that a backup is overdue', { backupIntervalMs: 30 * 60_000 }, [`warning backup-overdue ${main}`]],
    ['that it is overdue twice', { backupIntervalMs: 15 * 60_000 }, [`critical backup-overdue ${main}`]],
    ['nothing, where none is expected', { backupIntervalMs: undefined }, []],
    [
      'a backup that lacks a part',
      ofSystem({ backups: [broken(old), newest] as never }),
      [`warning broken-backup ${main}`],
    ],
    [
      'backups that all lack parts',
      ofSystem({ backups: [broken(old), broken(newest)] }),
      [`critical no-backup ${main}`],
    ],
    [
      'what falls out of the history',
      ofSystem({ anomalies: new Map([['new', [anomaly]]]) }),
      [`warning anomaly ${main}`],
    ],
    ['nothing, where that is long ago', ofSystem({ anomalies: new Map([['old', [anomaly]]]) }), []],
    [
      'damaged pages',
      ofSystem({ backups: [old, { ...newest, record: { ...newest?.record, damagedPages: 3 } }] as never }),
      [`warning damaged-pages ${main}`],
    ],
    [
      "a store's clock that is ahead",
      ofSystem({ backups: [old, { ...newest, committedAt: new Date(now.getTime() + 2 * hour) }] as never }),
      [`warning clock ${main}`],
    ],
    // WAL.
    [
      'nothing of this cluster',
      { repositories: [repositoryFacts(undefined, { systems: { known: [] } })] },
      [`critical nothing-archived ${main}`],
    ],
    ["nothing of this server's system", ofSystem({ systemId: 9n }), [`critical nothing-archived ${main}`]],
    [
      'a gap, and a backup behind it',
      drawn({
        runs: [
          { timeline: 1, first: 2, last: 9 },
          { timeline: 1, first: 11, last: 30, seen: 59 },
        ],
      }),
      [`warning gap ${main}`],
    ],
    [
      'a gap, and none behind it',
      drawn({
        runs: [
          { timeline: 1, first: 2, last: 24 },
          { timeline: 1, first: 26, last: 30, seen: 59 },
        ],
      }),
      [`critical gap ${main}`, `warning lag ${main}`],
    ],
    [
      'nothing, where somebody acknowledged it',
      drawn({
        runs: [
          { timeline: 1, first: 2, last: 9 },
          { timeline: 1, first: 11, last: 30, seen: 59 },
        ],
        acknowledged: [{ timeline: 1, first: 10, last: 10 }],
      }),
      [],
    ],
    [
      'WAL that was given up',
      drawn({ lost: [{ timeline: 1, first: 31, last: 40 }] }),
      [`critical gap ${main}`],
    ],
    [
      'a tail that is lost',
      drawn({ known: [{ timeline: 1, first: 33, last: 33, sign: 'high-water' }] }),
      [`critical gap ${main}`],
    ],
    [
      'nothing, where only what no backup needs is missing',
      drawn({
        backups: healthy.backups.slice(1),
        runs: [
          { timeline: 1, first: 2, last: 9 },
          { timeline: 1, first: 11, last: 30, seen: 59 },
        ],
      }),
      [],
    ],
    ['a lag', drawn({ runs: [{ timeline: 1, first: 2, last: 30, seen: 40 }] }), [`warning lag ${main}`]],
    ['a long lag', { ...drawn({}), maxLagMs: 10_000 }, [`critical lag ${main}`]],
    [
      'nothing, where the server has written nothing since',
      {
        ...drawn({ runs: [{ timeline: 1, first: 2, last: 30, seen: 5 }] }),
        server: { known: serverFacts({ lsn: at(31) + 40n }) },
      },
      [],
    ],
    [
      'less of a repository of best effort',
      { ...drawn({}), maxLagMs: 10_000, repositories: [repositoryFacts(undefined, { required: false })] },
      [`warning lag ${main}`],
    ],
    [
      'a split brain',
      drawn({
        branches: { 2: { parent: 1, at: 25.5, seen: 50 } },
        runs: [
          { timeline: 1, first: 2, last: 30, seen: 59 },
          { timeline: 2, first: 25, last: 28, seen: 58 },
        ],
      }),
      [`warning split-brain ${main}`],
    ],
    [
      'a history that cannot be read',
      drawn({ unusable: [2], runs: [...healthy.runs, { timeline: 2, first: 25, last: 28, seen: 58 }] }),
      [`warning branch ${main}`],
    ],
    [
      'objects that count for nothing',
      ofSystem({ passedOver: { count: 7, first: { key: 'orders/1/x', problem: 'is not signed' } } }),
      [`warning passed-over ${main}`],
    ],
    [
      'records that cannot be used',
      ofSystem({ unreadable: { count: 1, first: 'not JSON' } }),
      [`warning passed-over ${main}`],
    ],
    [
      'damage that verify has found',
      ofSystem({ verified: { last: run(2), lastSound: run(0) } }),
      [`critical damage ${main}`],
    ],
    ['nothing, where verify has found none', ofSystem({ verified: { last: run(0), lastSound: run(0) } }), []],
    // The server and its host.
    [
      'that archiving is off',
      { server: { known: serverFacts({ archiveMode: 'off' }) } },
      ['critical archiving-off server'],
    ],
    [
      'nothing, where it is off on a standby',
      { server: { known: serverFacts({ archiveMode: 'off', isStandby: true }) } },
      [],
    ],
    [
      'a failing archive_command',
      { server: { known: serverFacts({ archiver: { ...archiver, lastFailure: failure } }) } },
      ['warning archiving-fails server'],
    ],
    [
      'one that fails for long',
      {
        server: {
          known: serverFacts({ archiver: { ...archiver, lastArchivedAt: minute(5), lastFailure: failure } }),
        },
      },
      ['critical archiving-fails server'],
    ],
    [
      'nothing, where it has succeeded since',
      {
        server: {
          known: serverFacts({ archiver: { ...archiver, lastFailure: { ...failure, isNewest: false } } }),
        },
      },
      [],
    ],
    [
      'half of the queue limit',
      { queueLimitBytes: 100 * 1024 ** 2, host: { known: hostFacts({ readySegments: { known: 60 } }) } },
      ['warning queue pg_wal'],
    ],
    [
      'a queue over its limit',
      { queueLimitBytes: 100 * 1024 ** 2, host: { known: hostFacts({ readySegments: { known: 101 } }) } },
      ['critical queue pg_wal'],
    ],
    [
      'a full disk of pg_wal',
      {
        host: {
          known: hostFacts({ disk: { known: { sizeBytes: 100 * gibibyte, freeBytes: 2 * gibibyte } } }),
        },
      },
      ['critical pg-wal-disk pg_wal'],
    ],
    [
      'little room in pg_wal while archiving fails',
      {
        server: { known: serverFacts({ archiver: { ...archiver, lastFailure: failure } }) },
        host: {
          known: hostFacts({ disk: { known: { sizeBytes: 200 * 1024 ** 2, freeBytes: 40 * 1024 ** 2 } } }),
        },
      },
      ['warning archiving-fails server', 'warning pg-wal-disk pg_wal'],
    ],
    [
      'a full disk of the repository',
      { repositories: [repositoryFacts(undefined, { disk: { known: { sizeBytes: 1000, freeBytes: 20 } } })] },
      [`critical repository-disk ${main}`],
    ],
    [
      'a disk that is full in ten days, where nothing is ever removed',
      {
        repositories: [
          repositoryFacts(undefined, {
            hasRetention: false,
            disk: { known: { sizeBytes: 1_000_000, freeBytes: 676_000 } },
          }),
        ],
      },
      [`warning repository-disk ${main}`],
    ],
    [
      'nothing, where cleanup frees as much',
      {
        repositories: [
          repositoryFacts(undefined, { disk: { known: { sizeBytes: 1_000_000, freeBytes: 676_000 } } }),
        ],
      },
      [],
    ],
    ['an agent that does not answer', { agent: { kind: 'silent' } }, ['warning agent-silent agent']],
    [
      'nothing, where no agent runs, or another user owns it',
      { agent: { kind: 'unknown', problem: 'it belongs to another user' } },
      [],
    ],
  ])('%s', (_, changes, expected) => {
    assert.deepEqual(saidOf(changes), expected);
  });

  it('two servers under one name', () => {
    const later = systemFacts(healthy, { systemId: 2n, firstSeen: new Date(now.getTime() - 3 * day) });
    const earlier = systemFacts(healthy, { firstSeen: new Date(now.getTime() - 9 * day) });
    const repositories = [repositoryFacts(undefined, { systems: { known: [earlier, later] } })];
    assert.deepEqual(saidOf({ repositories }), [`warning side-by-side ${main}`]);
  });

  it('has a next step for each, and the most urgent first', () => {
    const { findings, level } = judged({
      ...drawn({ backups: [] }),
      server: { unknown: 'refused' },
      agent: { kind: 'silent' },
    });
    assert.deepEqual(
      findings.map(({ level: one }) => one),
      ['critical', 'warning', 'unknown'],
    );
    assert.equal(level, 'critical');
    for (const { message, hint } of findings) {
      assert.doesNotMatch(message, /\n/);
      assert.match(hint, /[.?]$/);
    }
  });
});

describe('recoverable windows', () => {
  const windowsOf = (changes: Partial<Drawn>) =>
    judged(drawn(changes)).repositories[0]?.windows.map(
      ({ backup, fromLsn, toLsn, hole }) => `${backup} ${fromLsn} ${toLsn} ${hole ?? ''}`,
    );

  it('end at a hole, and begin again with the next backup', () => {
    assert.deepEqual(
      windowsOf({
        runs: [
          { timeline: 1, first: 2, last: 9 },
          { timeline: 1, first: 11, last: 30 },
        ],
      }),
      ['old 0/31999A 0/A00000 00000001000000000000000A', 'new 0/151999A 0/1F00000 '],
    );
  });

  it('leave out a backup whose own WAL is not whole', () => {
    const status = judged(
      drawn({
        runs: [
          { timeline: 1, first: 2, last: 19 },
          { timeline: 1, first: 21, last: 30 },
        ],
      }),
    );
    assert.equal(status.repositories[0]?.windowCount, 1);
    assert.equal(status.repositories[0].backups.restorableCount, 1);
    assert.ok(status.findings.some(({ code }) => code === 'broken-backup'));
  });

  it('follow the server across a promotion', () => {
    const status = judge(
      statusFacts({
        ...drawn({
          branches: { 2: { parent: 1, at: 25.5, seen: 40 } },
          runs: [
            { timeline: 1, first: 2, last: 24, seen: 30 },
            { timeline: 2, first: 25, last: 30, seen: 59 },
          ],
        }),
        server: { known: serverFacts({ timeline: 2 }) },
      }),
      now,
    );
    assert.deepEqual(status.findings, []);
    assert.deepEqual(
      status.repositories[0]?.windows.map(({ backup, timeline, toLsn }) => [backup, timeline, toLsn]),
      [['old', 2, '0/1F00000']],
    );
  });

  it('are those of the branch that the server is on, else of the one whose WAL arrived last', () => {
    const both = drawn({
      branches: { 2: { parent: 1, at: 25.5, seen: 50 } },
      runs: [
        { timeline: 1, first: 2, last: 30, seen: 57 },
        { timeline: 2, first: 25, last: 28, seen: 58 },
      ],
    });
    assert.equal(judged(both).repositories[0]?.timeline, 1);
    const alone = judged({ ...both, server: undefined }).repositories[0];
    assert.deepEqual([alone?.timeline, alone?.otherTimelines], [2, [1]]);
  });

  it('are those of the system that archived last, where the server is not known', () => {
    const systems = [
      systemFacts({ ...healthy, runs: [{ timeline: 1, first: 2, last: 30, seen: 1 }] }, { systemId: 7n }),
      systemFacts(healthy, { systemId: 8n }),
    ];
    const repositories = [repositoryFacts(undefined, { systems: { known: systems } })];
    const status = judged({ repositories, server: undefined, host: undefined });
    assert.deepEqual([status.repositories[0]?.systemId, status.repositories[0]?.otherSystems], [8n, [7n]]);
  });
});

it('the cost is that of all that is stored', () => {
  const repositories = [
    repositoryFacts(systemFacts(healthy, { backupBytes: 10 * gibibyte }), { pricePerGib: 0.5 }),
  ];
  const [repository] = judged({ repositories }).repositories;
  assert.equal(Math.round((repository?.costPerMonth ?? 0) * 1000), 5000);
});
