import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { sleep } from '../../../../src/base/time/abort.ts';
import { heldWhile, RunningTime, startPatience } from '../../../../src/base/time/running-time.ts';

const never = new AbortController().signal;

/** As if the process had been stopped. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('RunningTime', () => {
  it('counts hardly any of the time in which the process stood still', async t => {
    const time = new RunningTime();
    t.after(() => time.clear());
    for (let stall = 0; stall < 5; stall++) {
      block(300);
      await sleep(1);
    }
    assert.ok(time.ms <= 500, `${time.ms} ms of 1500`);
  });

  it('goes on with the process, not while it is held, and tells what came after a mark', async t => {
    const time = new RunningTime();
    t.after(() => time.clear());
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
  it('leaves out what a source takes for its chunks, and ends it with its reader', async t => {
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
    t.after(() => time.clear());
    const bytes: number[] = [];
    for await (const [byte = 0] of heldWhile(slowly(), time)) {
      bytes.push(byte);
      if (byte === 2) break;
    }
    assert.deepEqual([bytes, isEnded, time.ms], [[1, 2], true, 0]);
    while (time.ms === 0) await sleep(5);
  });
});

describe('startPatience', () => {
  it('ends with the words of a deadline when nobody answers', async t => {
    const patience = startPatience(200, 'repository "main"', never);
    t.after(() => patience.clear());
    await assert.rejects(sleep(60_000, patience.signal), {
      code: 'unreachable',
      message: 'repository "main": no answer within 200 ms',
    });
  });

  it('passes its parent on, and does nothing once cleared', async t => {
    const parent = new AbortController();
    const patience = startPatience(50, 'x', parent.signal);
    t.after(() => patience.clear());
    patience.clear();
    await sleep(200);
    assert.equal(patience.signal.aborted, false);
    parent.abort(new Error('stopped'));
    assert.equal((patience.signal.reason as Error).message, 'stopped');
  });

  it('does not end while an answer lies there that a process at a standstill has not read', async t => {
    const server = createServer(socket => socket.end('an answer'));
    server.listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    for (const limitMs of [50, 200]) {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      const patience = startPatience(limitMs, 'x', never);
      t.after(() => patience.clear());
      const answer = once(socket, 'data', { signal: patience.signal });
      block(limitMs + 500);
      assert.equal(String((await answer)[0]), 'an answer');
    }
  });

  it('ends all the same in a process that has a little of a processor', { timeout: 30_000 }, async t => {
    const patience = startPatience(300, 'x', never);
    t.after(() => patience.clear());
    while (!patience.signal.aborted) {
      await sleep(20);
      block(100);
    }
  });
});
