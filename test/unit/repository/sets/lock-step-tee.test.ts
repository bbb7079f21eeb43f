import assert from 'node:assert/strict';
import { test } from 'vitest';
import { teeInLockStep, type TeeBranch } from '../../../../src/repository/sets/lock-step-tee.ts';

/** Reuses one buffer, as encoders may: a reader that is not done with it would see it change. */
async function* numbered(
  count: number,
  onChunk: (index: number) => void = () => undefined,
  onEnd = () => undefined,
) {
  const buffer = Buffer.alloc(1);
  try {
    for (let index = 0; index < count; index++) {
      onChunk(index);
      buffer[0] = index;
      yield buffer;
      await Promise.resolve();
    }
  } finally {
    onEnd();
  }
}

async function read(branch: TeeBranch | undefined, pause = 0): Promise<number[]> {
  const seen: number[] = [];
  for await (const chunk of (branch as TeeBranch).stream) {
    const first = chunk[0];
    for (let turn = 0; turn < pause; turn++) await Promise.resolve();
    assert.equal(chunk[0], first);
    seen.push(first ?? -1);
  }
  return seen;
}

test('every branch sees every chunk, unchanged while it works on it', async () => {
  const tee = teeInLockStep(numbered(20), 3);
  const [fast, slow, middle] = tee.branches;
  const all = Array.from({ length: 20 }, (_, index) => index);
  assert.deepEqual(await Promise.all([read(fast), read(slow, 50), read(middle, 7)]), [all, all, all]);
});

test('the source is never ahead of the slowest reader', async () => {
  let pulled = 0;
  const tee = teeInLockStep(
    numbered(10, () => pulled++),
    2,
  );
  const [first, second] = tee.branches.map(branch => branch.stream[Symbol.asyncIterator]());
  const waiting = first?.next();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(pulled, 0);
  await Promise.all([waiting, second?.next()]);
  assert.equal(pulled, 1);
});

test('a reader that leaves does not hold up the others, whether it had begun or not', async () => {
  const tee = teeInLockStep(numbered(5), 3);
  const [stays, quits, never] = tee.branches;
  const quitting = (async () => {
    for await (const chunk of (quits as TeeBranch).stream) if (chunk[0] === 2) break;
  })();
  never?.leave();
  assert.deepEqual(await read(stays), [0, 1, 2, 3, 4]);
  await quitting;
});

test('when all have left the source is closed', async () => {
  let isClosed = false;
  const tee = teeInLockStep(
    numbered(5, undefined, () => void (isClosed = true)),
    2,
  );
  const [first, second] = tee.branches.map(branch => branch.stream[Symbol.asyncIterator]());
  await Promise.all([first?.next(), second?.next()]);
  tee.branches[0]?.leave();
  tee.branches[1]?.leave();
  await new Promise(resolve => setImmediate(resolve));
  assert.ok(isClosed);
});

test('an error of the source reaches all of them and is kept', async () => {
  const broken = (async function* () {
    yield Buffer.of(1);
    throw new Error('disk gone');
  })();
  const tee = teeInLockStep(broken, 2);
  const results = await Promise.allSettled(tee.branches.map(branch => read(branch)));
  assert.deepEqual(
    results.map(result => result.status),
    ['rejected', 'rejected'],
  );
  assert.match(String(tee.failure()), /disk gone/);
});

test('an error given from outside ends all branches and the source', async () => {
  let isClosed = false;
  const tee = teeInLockStep(
    numbered(1000, undefined, () => void (isClosed = true)),
    2,
  );
  const [first, second] = tee.branches;
  const iterator = (first as TeeBranch).stream[Symbol.asyncIterator]();
  const reading = read(second);
  await iterator.next();
  await tee.fail(new Error('denied'));
  await assert.rejects(reading, /denied/);
  await assert.rejects(async () => iterator.next(), /denied/);
  assert.ok(isClosed);
});
