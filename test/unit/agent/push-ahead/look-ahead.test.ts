import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  backlogBytes,
  chooseNext,
  compareAsArchiver,
  concurrentFiles,
  leadingDurable,
  windowFiles,
  type LookAheadState,
} from '../../../../src/agent/push-ahead/look-ahead.ts';

const mebibyte = 1024 ** 2;
const names = ['00000002.history', '000000010000000000000003', '000000010000000000000004'];

function state(change: Partial<LookAheadState>): LookAheadState {
  const nothing = new Set<string>();
  return {
    ready: names,
    running: nothing,
    durable: nothing,
    failed: nothing,
    isOneByOne: false,
    segmentSizeBytes: 16 * mebibyte,
    jobs: 4,
    jobsAtEase: 4,
    ...change,
  };
}

describe('what is sent next', () => {
  it('is what the archiver would take: histories alone, then segments by name', () => {
    const [history = '', ...segments] = names;
    assert.deepEqual(chooseNext(state({ ready: names.toReversed() })), [history]);
    assert.deepEqual(chooseNext(state({ ready: names.toReversed(), running: new Set([history]) })), []);
    assert.deepEqual(chooseNext(state({ ready: names.toReversed(), durable: new Set([history]) })), segments);
  });

  it('is no segment while a history is missing, also one that failed', () => {
    const [history = '', ...segments] = names;
    const failed = new Set([history]);
    assert.deepEqual(chooseNext(state({ failed })), []);
    assert.deepEqual(chooseNext(state({ ready: [...names, '00000003.history'], failed })), [
      '00000003.history',
    ]);
    assert.deepEqual(chooseNext(state({ failed, durable: new Set([history]) })), segments);
  });

  it('leaves out what is on its way, durable, or failed', () => {
    const [first = '', second = '', third = ''] = names;
    const durable = new Set([first]);
    assert.deepEqual(chooseNext(state({ running: new Set([second]), durable })), [third]);
    assert.deepEqual(chooseNext(state({ durable: new Set([first]), failed: new Set([second]) })), [third]);
  });

  it('is, one by one, the first that is not durable, and nothing while that is on its way or after it failed', () => {
    const [first = '', second = '', third = ''] = names;
    const next = (change: Partial<LookAheadState>) => chooseNext(state({ isOneByOne: true, ...change }));
    assert.deepEqual(next({}), [first]);
    assert.deepEqual(next({ durable: new Set([first]) }), [second]);
    assert.deepEqual(next({ durable: new Set([first]), running: new Set([second]) }), []);
    assert.deepEqual(next({ durable: new Set([first]), running: new Set([third]) }), []);
    assert.deepEqual(next({ durable: new Set([first]), failed: new Set([second]) }), []);
  });

  it('leaves a processor to whoever asks once eight are ahead of it', () => {
    const segments = Array.from({ length: 20 }, (_, number) => `00000001000000000000${hex(number)}`);
    const started = (ahead: number, running: number) =>
      chooseNext(
        state({
          ready: segments,
          durable: new Set(segments.slice(0, ahead)),
          running: new Set(segments.slice(ahead, ahead + running)),
          jobsAtEase: 1,
        }),
      ).length;
    assert.equal(started(7, 0), 4);
    assert.equal(started(8, 0), 1);
    assert.equal(started(8, 1), 0);
    assert.equal(started(8, 3), 0);
    assert.equal(started(7, 3), 1);
  });

  it('never goes beyond its jobs, its window or its memory, and never repeats itself', () => {
    const name = fc.integer({ min: 0, max: 300 }).map(number => `00000001000000000000${hex(number)}`);
    const set = fc.uniqueArray(name, { maxLength: 100 }).map(list => new Set(list));
    const states = fc.record({
      ready: fc.uniqueArray(name, { maxLength: 200 }),
      running: set,
      durable: set,
      failed: set,
      isOneByOne: fc.boolean(),
      segmentSizeBytes: fc.integer({ min: 0, max: 10 }).map(power => mebibyte * 2 ** power),
      jobs: fc.integer({ min: 1, max: 32 }),
      jobsAtEase: fc.integer({ min: 1, max: 32 }),
    });
    fc.assert(
      fc.property(states, given => {
        const next = chooseNext(given);
        const limit = concurrentFiles(given.segmentSizeBytes, given.jobs);
        assert.ok(next.length === 0 || next.length + given.running.size <= limit);
        const ahead = given.ready.filter(each => given.durable.has(each) || given.running.has(each)).length;
        assert.ok(next.length === 0 || next.length + ahead <= windowFiles);
        for (const each of next) {
          assert.ok(given.ready.includes(each));
          assert.ok(!given.running.has(each) && !given.durable.has(each) && !given.failed.has(each));
        }
        assert.deepEqual(next, next.toSorted(compareAsArchiver));
        assert.deepEqual(next, chooseNext({ ...given, ready: given.ready.toSorted(compareAsArchiver) }));
        const [first] = given.ready.filter(each => !given.durable.has(each)).toSorted(compareAsArchiver);
        if (given.isOneByOne) assert.ok(next.length === 0 || (next.length === 1 && next[0] === first));
      }),
    );
  });

  it('is one file at least, and fewer side by side the larger they are', () => {
    assert.equal(concurrentFiles(16 * mebibyte, 4), 4);
    assert.equal(concurrentFiles(32 * mebibyte, 4), 2);
    assert.equal(concurrentFiles(1024 * mebibyte, 4), 4);
    assert.equal(concurrentFiles(1024 * mebibyte, 1), 1);
  });
});

it('a backlog is what waits of whole segments', () => {
  const others = ['000000010000000000000005.partial', '000000010000000000000005.00000028.backup'];
  assert.equal(backlogBytes([...names, ...others], 16 * mebibyte), 32 * mebibyte);
});

describe('what may be marked as archived', () => {
  const [history = '', third = '', fourth = ''] = names;

  it('is durable, and nothing before it is missing', () => {
    assert.deepEqual(leadingDurable(names, new Set([third, fourth]), ''), []);
    assert.deepEqual(leadingDurable(names, new Set([history, fourth]), ''), [history]);
    assert.deepEqual(leadingDurable(names.toReversed(), new Set(names), ''), names);
  });

  it('is never what is being asked for, which does not hold up the others', () => {
    assert.deepEqual(leadingDurable(names, new Set(names), history), [third, fourth]);
    assert.deepEqual(leadingDurable(names, new Set([third, fourth]), history), [third, fourth]);
  });
});

function hex(number: number): string {
  return number.toString(16).toUpperCase().padStart(4, '0');
}
