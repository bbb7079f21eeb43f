import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { defaultLimits } from '../../../../src/operations/cleanup/state.ts';
import { whyNotCounted } from '../../../../src/repository/trust.ts';
import { dayMs, kept, plan } from '../../../support/cleanup-state.ts';
import { anyStep, segmentsOf, SimulatedCluster, staysAfter } from '../../../support/simulated-cluster.ts';

const anyPolicy = fc
  .record({
    keepLast: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    windowDays: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    minimumBackups: fc.integer({ min: 1, max: 3 }),
  })
  .filter(({ keepLast, windowDays }) => keepLast !== undefined || windowDays !== undefined);

const anyLife = fc.record({
  steps: fc.array(anyStep, { minLength: 1, maxLength: 40 }),
  policy: anyPolicy,
  idleDays: fc.constantFrom(0, 0, 1, 20, 200),
});

function play(life: typeof anyLife extends fc.Arbitrary<infer Life> ? Life : never) {
  const cluster = new SimulatedCluster();
  for (const step of life.steps) cluster.play(step);
  const { keepLast, windowDays, minimumBackups } = life.policy;
  const now = cluster.time + life.idleDays;
  const recoveryWindowMs = windowDays === undefined ? undefined : windowDays * dayMs;
  const result = plan(cluster.state(), { keepLast, recoveryWindowMs, minimumBackups }, now);
  const isKept = new Set(kept(result));
  const counted = cluster.backups.filter(
    one =>
      whyNotCounted(one, {
        policy: 'require',
        ...defaultLimits,
        segments: cluster.state().wal ?? [],
      }) === undefined,
  );
  return { cluster, result, now, isKept, counted, keepLast, windowDays, minimumBackups };
}

/** The clocks of the simulated server are up to half an hour off, so the window begins as much later. */
const boundaryDays = 0.05;

/** test/property/operations/cleanup has ten thousand, judged by the restore planner. */
const runs = { numRuns: 1000 };

test('no moment of a promised window is lost', () => {
  fc.assert(
    fc.property(anyLife, life => {
      const { cluster, result, now, isKept, counted, windowDays, keepLast } = play(life);
      const stays = staysAfter(result);
      const remaining = cluster.backups.filter(({ record }) => isKept.has(record.id));
      // A window, where there is one; otherwise everything from the oldest of the newest N on.
      const promised =
        windowDays === undefined
          ? cluster.recoverable(counted.slice(-(keepLast ?? 0)), (timeline, segment) =>
              cluster.has(timeline, segment),
            )
          : cluster
              .recoverable(counted, (timeline, segment) => cluster.has(timeline, segment))
              .filter(({ time }) => time - boundaryDays > now - windowDays);
      const after = new Set(
        cluster
          .recoverable(
            remaining,
            (timeline, segment) => cluster.has(timeline, segment) && stays(timeline, segment),
          )
          .map(({ timeline, segment }) => `${timeline}:${segment}`),
      );
      for (const { timeline, segment } of promised)
        assert.ok(after.has(`${timeline}:${segment}`), `segment ${segment} of timeline ${timeline}`);
    }),
    runs,
  );
});

test('every kept backup keeps its parents and the WAL that makes it consistent', () => {
  fc.assert(
    fc.property(anyLife, life => {
      const { cluster, result, isKept } = play(life);
      const stays = staysAfter(result);
      for (const one of cluster.backups) {
        if (!isKept.has(one.record.id)) continue;
        if (one.record.parent !== undefined)
          assert.ok(isKept.has(one.record.parent), `parent of ${one.record.id}`);
        const [first, last] = segmentsOf(one);
        for (let segment = first; segment <= last; segment++)
          // What was lost cannot stay: a range that is removed may reach across the hole.
          if (cluster.has(one.record.timeline, segment))
            assert.ok(stays(one.record.timeline, segment), `segment ${segment} of ${one.record.id}`);
      }
    }),
    runs,
  );
});

test('the newest, the pinned and the uncounted stay; the end of the line in use can be reached', () => {
  fc.assert(
    fc.property(anyLife, life => {
      const { cluster, result, isKept, counted, keepLast, minimumBackups } = play(life);
      for (const one of counted.slice(-Math.max(keepLast ?? 0, minimumBackups)))
        assert.ok(isKept.has(one.record.id), `${one.record.id} is among the newest`);
      for (const one of cluster.backups)
        if (!counted.includes(one)) assert.ok(isKept.has(one.record.id), `${one.record.id} does not count`);
      for (const id of cluster.state().pinned ?? []) assert.ok(isKept.has(id), `${id} is pinned`);
      const stays = staysAfter(result);
      const has = (timeline: number, segment: number) => cluster.has(timeline, segment);
      const newest = cluster
        .recoverable(counted, has)
        .sort((a, b) => a.time - b.time)
        .at(-1);
      if (newest === undefined) return;
      const remaining = cluster.backups.filter(({ record }) => isKept.has(record.id));
      const after = cluster.recoverable(
        remaining,
        (timeline, segment) => has(timeline, segment) && stays(timeline, segment),
      );
      assert.ok(
        after.some(({ timeline, segment }) => timeline === newest.timeline && segment === newest.segment),
      );
    }),
    runs,
  );
});

test('a backup in progress finds all WAL from its claim on', () => {
  fc.assert(
    fc.property(anyLife, life => {
      const { cluster, result, now } = play(life);
      const stays = staysAfter(result);
      for (const { backup, timeline, segment } of cluster.claims) {
        if ((backup.lastModified.getTime() - Date.UTC(2026, 0, 1)) / dayMs < now - 7) continue;
        for (let one = segment; one < segment + 300; one++)
          if (cluster.has(timeline, one))
            assert.ok(stays(timeline, one), `segment ${one} of timeline ${timeline}`);
      }
    }),
    runs,
  );
});

test('every decision has a reason, and a second run has nothing left to do', () => {
  fc.assert(
    fc.property(anyLife, life => {
      const { cluster, result, now, keepLast, windowDays, minimumBackups, isKept } = play(life);
      for (const { reasons } of [...result.backups, ...result.wal]) {
        assert.ok(reasons.length > 0);
        for (const { text } of reasons) assert.ok(text.length > 0);
      }
      const stays = staysAfter(result);
      const state = cluster.state();
      const again = plan(
        {
          ...state,
          backups: cluster.backups.filter(({ record }) => isKept.has(record.id)),
          unfinished: (state.unfinished ?? []).filter(({ id }) => isKept.has(id)),
          wal: (state.wal ?? []).filter(({ timeline, last }) => stays(timeline, Number(last))),
        },
        {
          keepLast,
          recoveryWindowMs: windowDays === undefined ? undefined : windowDays * dayMs,
          minimumBackups,
        },
        now,
      );
      assert.deepEqual(
        again.backups.filter(({ action }) => action === 'remove'),
        [],
      );
    }),
    runs,
  );
});
