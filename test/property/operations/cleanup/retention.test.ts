/**
 * What a policy promises, over ten thousand random catalogues: timelines, gaps, chains, pins, backups taken by hand, claims,
 * clocks that are off, records from the future. The judge of what can be restored is the restore planner.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { hasRules, type RetentionPolicy } from '../../../../src/config/index.ts';
import { defaultLimits } from '../../../../src/operations/cleanup/state.ts';
import { whyNotCounted } from '../../../../src/repository/trust.ts';
import { day, dayMs, kept, plan, removed, stateOf } from '../../../support/cleanup-state.ts';
import { canReach, canRestore, surveyOf } from '../../../support/restore-oracle.ts';
import { anyStep, SimulatedCluster, staysAfter, type Step } from '../../../support/simulated-cluster.ts';

const optional = (most: number) => fc.option(fc.integer({ min: 1, max: most }), { nil: undefined, freq: 2 });
const optionalDays = (most: number) =>
  fc.option(
    fc.integer({ min: 1, max: most }).map(days => days * dayMs),
    { nil: undefined, freq: 2 },
  );

const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    recoveryWindowMs: optionalDays(30),
    keepLast: optional(5),
    keepWithinMs: optionalDays(30),
    keepHourly: optional(30),
    keepDaily: optional(12),
    keepWeekly: optional(5),
    keepMonthly: optional(3),
    keepYearly: optional(2),
    minimumBackups: fc.integer({ min: 1, max: 3 }),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Kiritimati'),
  })
  .filter(hasRules);

const rules = [
  'recoveryWindowMs', 'keepLast', 'keepWithinMs', 'keepHourly', 'keepDaily', 'keepWeekly', 'keepMonthly', 'keepYearly',
  'minimumBackups',
] as const; // prettier-ignore

const anyLife = fc.record({
  steps: fc.array(anyStep, { minLength: 1, maxLength: 25 }),
  policy: anyPolicy,
  idleDays: fc.constantFrom(0, 0, 1, 20, 200),
  more: fc.record({ rule: fc.constantFrom(...rules), by: fc.integer({ min: 1, max: 4 }) }),
  picks: fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
});
type Life = typeof anyLife extends fc.Arbitrary<infer L> ? L : never;

function play({ steps, policy, idleDays }: Pick<Life, 'steps' | 'policy' | 'idleDays'>) {
  const cluster = new SimulatedCluster();
  for (const step of steps) cluster.play(step);
  const now = cluster.time + idleDays;
  const state = stateOf(cluster.state());
  const result = plan(state, policy, now);
  const isKept = new Set(kept(result));
  const counted = cluster.backups.filter(
    one =>
      whyNotCounted(one, { policy: 'require', ...defaultLimits, segments: state.segments }) === undefined,
  );
  return { cluster, now, state, result, isKept, counted };
}

const isHeld = ({ record }: { record: { keepUntil?: Date | undefined } }, now: number) =>
  record.keepUntil !== undefined &&
  record.keepUntil.getTime() + defaultLimits.clockSkewMs > day(now).getTime();

/** By another way than the rules: as the platform writes a date. */
function periodNames(kind: 'hour' | 'day' | 'month' | 'year', timeZone: string): (time: Date) => string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    ...(kind !== 'year' && { month: '2-digit' }),
    ...((kind === 'day' || kind === 'hour') && { day: '2-digit' }),
    ...(kind === 'hour' && { hour: '2-digit', hourCycle: 'h23' }),
  });
  return time => format.format(time);
}

const runs = { numRuns: 10_000 };

test('after any plan what the policy promises can be restored, and a policy that keeps more removes no more', async () => {
  await fc.assert(
    fc.asyncProperty(anyLife, async life => {
      const { policy, picks, more } = life;
      const { cluster, now, state, result, isKept, counted } = play(life);
      const remaining = cluster.backups.filter(({ record }) => isKept.has(record.id));
      const before = surveyOf(state, counted);
      const after = surveyOf(
        state,
        remaining.filter(one => counted.includes(one)),
        result,
      );

      // Any moment of the window, and any moment after the oldest of the last.
      const begin = policy.recoveryWindowMs === undefined ? now : now - policy.recoveryWindowMs / dayMs;
      // A backup may have ended as much later as its clock is behind.
      const windowed = cluster.moments().filter(({ time }) => time > begin + 0.05);
      const scheduled = counted.filter(one => !isHeld(one, now));
      const last = surveyOf(state, policy.keepLast === undefined ? [] : scheduled.slice(-policy.keepLast));
      for (const pick of windowed.length === 0 ? [] : picks) {
        const moment = windowed[pick % windowed.length];
        if (moment !== undefined && (await canReach(before, moment)))
          assert.ok(await canReach(after, moment), `${moment.timeline}:${moment.segment} of the window`);
      }
      const moments = cluster.moments();
      for (const pick of last.backups.length === 0 || moments.length === 0 ? [] : picks) {
        const moment = moments[pick % moments.length];
        if (moment !== undefined && (await canReach(last, moment)))
          assert.ok(await canReach(after, moment), `${moment.timeline}:${moment.segment} of the last`);
      }

      // Each kept backup, by itself.
      for (const { record } of counted)
        if (isKept.has(record.id) && (await canRestore(before, record.id)))
          assert.ok(await canRestore(after, record.id), `${record.id} by itself`);

      // Backups by their time.
      for (const one of counted) {
        const { id, stopTime } = one.record;
        const isWithin =
          policy.keepWithinMs !== undefined && stopTime.getTime() > day(now).getTime() - policy.keepWithinMs;
        if (isWithin || isHeld(one, now)) assert.ok(isKept.has(id), `${id} by its time`);
      }
      for (const [kind, count] of [
        ['hour', policy.keepHourly],
        ['day', policy.keepDaily],
        ['month', policy.keepMonthly],
        ['year', policy.keepYearly],
      ] as const) {
        if (count === undefined) continue;
        const nameOf = periodNames(kind, policy.timeZone);
        const byTime = scheduled
          .map(({ record }) => ({
            id: record.id,
            time: Math.min(record.startTime.getTime(), record.stopTime.getTime()),
          }))
          .toSorted((a, b) => b.time - a.time);
        const promised = [...new Set(byTime.map(({ time }) => nameOf(new Date(time))))].slice(0, count);
        for (const period of promised)
          assert.ok(
            byTime.some(({ id, time }) => isKept.has(id) && nameOf(new Date(time)) === period),
            `the ${kind} ${period}`,
          );
      }

      // More kept, no more removed.
      const bigger: RetentionPolicy = { ...policy, [more.rule]: increased(policy[more.rule], more) };
      const lesser = plan(state, bigger, now);
      const isRemoved = new Set(removed(result));
      for (const id of removed(lesser)) assert.ok(isRemoved.has(id), `${id} went when more was to be kept`);
      const stays = { first: staysAfter(result), second: staysAfter(lesser) };
      for (const { timeline, segment } of cluster.moments())
        if (stays.first(timeline, segment))
          assert.ok(stays.second(timeline, segment), `${timeline}:${segment} went when more was to be kept`);

      // Done is done.
      cluster.apply(result);
      const again = plan(cluster.state(), policy, now);
      assert.deepEqual(removed(again), []);
      for (const { timeline, segment } of cluster.moments())
        assert.ok(staysAfter(again)(timeline, segment), `${timeline}:${segment} went with the second plan`);
    }),
    runs,
  );
});

function increased(value: number | undefined, { rule, by }: Life['more']): number {
  const step = rule.endsWith('Ms') ? by * dayMs : by;
  return (value ?? 0) + step;
}

test('thirty days with a cleanup after each: no promise is broken by what an earlier one removed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyStep, { minLength: 0, maxLength: 4 }), { minLength: 30, maxLength: 30 }),
      anyPolicy,
      fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 }),
      async (days, policy, picks) => {
        const cluster = new SimulatedCluster();
        for (const [index, steps] of days.entries()) {
          for (const step of [...dailyLife, ...steps]) cluster.play(step);
          cluster.time = Math.max(cluster.time, index + 1);
          const state = stateOf(cluster.state());
          const result = plan(state, policy, cluster.time);
          const isKept = new Set(kept(result));
          const counted = cluster.backups.filter(
            one =>
              whyNotCounted(one, { policy: 'require', ...defaultLimits, segments: state.segments }) ===
              undefined,
          );
          const before = surveyOf(state, counted);
          const after = surveyOf(
            state,
            counted.filter(({ record }) => isKept.has(record.id)),
            result,
          );
          const begin = cluster.time - (policy.recoveryWindowMs ?? 0) / dayMs;
          const windowed = cluster.moments().filter(({ time }) => time > begin + 0.05);
          for (const pick of windowed.length === 0 ? [] : picks) {
            const moment = windowed[pick % windowed.length];
            if (moment !== undefined && (await canReach(before, moment)))
              assert.ok(await canReach(after, moment), `day ${index}: ${moment.timeline}:${moment.segment}`);
          }
          cluster.apply(result);
        }
        // The first backup of a day stands for it until the day is forgotten: no later one takes its place.
        if (policy.keepDaily === undefined) return;
        const nameOf = periodNames('day', policy.timeZone);
        const keptDays = new Set(cluster.backups.map(({ record }) => nameOf(record.startTime)));
        assert.ok(keptDays.size >= Math.min(policy.keepDaily, 12), `${keptDays.size} days`);
      },
    ),
    { numRuns: 150 },
  );
});

/** A full backup a day, and an incremental one. */
const dailyLife: readonly Step[] = [
  { kind: 'archive', segments: 2, days: 0.3 },
  { kind: 'backup', days: 0.1, trait: 'none', isIncremental: false },
  { kind: 'archive', segments: 2, days: 0.3 },
  { kind: 'backup', days: 0.1, trait: 'none', isIncremental: true },
];
