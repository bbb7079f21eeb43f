import assert from 'node:assert/strict';
import { describe, it, onTestFinished } from 'vitest';
import { sleep } from '../../../../src/base/time/wait.ts';
import { heldWhile, RunningTime } from '../../../../src/base/time/running-time.ts';

/** As if the process had been stopped. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('RunningTime', () => {
  it('counts hardly any of the time in which the process stood still', async () => {
    const time = new RunningTime();
    onTestFinished(() => time.clear());
    for (let stall = 0; stall < 5; stall++) {
      block(300);
      await sleep(1);
    }
    assert.ok(time.ms <= 500, `${time.ms} ms of 1500`);
  });

  it('goes on with the process, not while it is held, and tells what came after a mark', async () => {
    const time = new RunningTime();
    onTestFinished(() => time.clear());
    while (time.ms < 200) await sleep(5);
    time.hold();
    time.hold();
    time.release();
    const held = time.ms;
    await sleep(200);
    assert.equal(time.ms, held);
    time.release();
    while (time.ms === held) await sleep(5);
    time.mark();
    assert.deepEqual([time.ms > held, time.msSinceMark], [true, 0]);
    time.clear();
    await sleep(150);
    assert.equal(time.msSinceMark, 0);
  });
});

describe('heldWhile', () => {
  it('leaves out what a source takes for its chunks, and ends it with its reader', async () => {
    let isEnded = false;
    async function* slowly() {
      try {
        for (const byte of [1, 2, 3]) {
          await sleep(200);
          yield Uint8Array.of(byte);
        }
      } finally {
        isEnded = true;
      }
    }
    const time = new RunningTime();
    onTestFinished(() => time.clear());
    const bytes: number[] = [];
    for await (const [byte = 0] of heldWhile(slowly(), time)) {
      bytes.push(byte);
      if (byte === 2) break;
    }
    assert.deepEqual([bytes, isEnded, time.ms], [[1, 2], true, 0]);
    while (time.ms === 0) await sleep(5);
  });
});
