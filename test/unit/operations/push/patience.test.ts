import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, it, onTestFinished } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { sleep } from '../../../../src/base/time/wait.ts';
import { HeldUp } from '../../../../src/operations/push/outage.ts';
import {
  afterAsking,
  firstAnswerMs,
  isConclusive,
  mayRetry,
  Patience,
  type Contact,
  type RepositoryPatience,
} from '../../../../src/operations/push/patience.ts';
import type { QueueState } from '../../../../src/operations/push/queue-limit.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { StoreError } from '../../../../src/stores/store.ts';

const overLimit = { backlogBytes: 200, limitBytes: 100 };
const overTwiceTheLimit = { backlogBytes: 201, limitBytes: 100 };
const contacts: readonly Contact[] = ['unasked', 'asked', 'asked-again', 'answered'];
const repository = { name: 'main', expectedId: undefined } as Repository;

describe('the acquaintance with a repository', () => {
  it('is asked twice, and once it has answered it stays so', () => {
    assert.deepEqual(contacts.map(afterAsking), ['asked', 'asked-again', 'asked-again', 'answered']);
  });

  it('waits the shorter the more the queue has grown, and for the last attempt', () => {
    assert.equal(firstAnswerMs(overLimit, 'asked'), 5000);
    assert.equal(firstAnswerMs(overLimit, 'asked-again'), 1000);
    assert.equal(firstAnswerMs(overTwiceTheLimit, 'asked'), 1000);
  });

  it('is retried after an outage until the second asking, then after whatever may pass', () => {
    const retried = (error: WalvaultError) =>
      contacts.filter(contact => mayRetry(contact, repository, error));
    const denied = new StoreError('denied', 'no');
    assert.equal(denied.retry, false);
    assert.deepEqual(retried(denied), ['unasked', 'asked']);
    assert.deepEqual(retried(new StoreError('unreachable', 'down')), ['unasked', 'asked', 'answered']);
    assert.deepEqual(retried(new WalvaultError('conflict', 'taken')), []);
  });
});

describe('a failure in the end', () => {
  const concluded = (isOver: boolean, storesMs: number) =>
    contacts.filter(contact => isConclusive(contact, 60_000, { isOver, storesMs }));

  it('says something about every repository once the stores have had half of the time', () => {
    for (const isOver of [false, true]) assert.deepEqual(concluded(isOver, 30_000), contacts);
  });

  it('before that says something only of a repository that was asked twice, with time left', () => {
    assert.deepEqual(concluded(false, 29_999), ['asked-again']);
    assert.deepEqual(concluded(true, 29_999), []);
  });
});

function startPatience(timeoutMs = 60_000, parent = new AbortController()) {
  const patience = new Patience({ path: 'x', timeoutMs, signal: parent.signal });
  onTestFinished(() => patience.end());
  return patience;
}

function towards(patience: Patience, queue: QueueState | undefined): RepositoryPatience {
  return patience.towards(repository, queue);
}

const silent = (signal: AbortSignal) => sleep(60_000, signal);
/** As if the process had been stopped. */
const block = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

describe('Patience', () => {
  it("counts as the stores' time neither the encoding nor the reading of a piece", async () => {
    const patience = startPatience();
    await sleep(200);
    assert.equal(patience.spent.storesMs, 0);
    async function* slowly() {
      await sleep(200);
      yield Uint8Array.of(1);
    }
    const pieces = patience.watch(slowly());
    patience.endEncoding();
    for await (const _ of pieces) assert.equal(patience.spent.storesMs, 0);
    while (patience.spent.storesMs === 0) await sleep(5);
  });

  it('is prolonged by each piece that is taken, and says so', async () => {
    let pieces = 0;
    const patience = new Patience({
      path: 'x',
      timeoutMs: 200,
      onProgress: () => pieces++,
      signal: new AbortController().signal,
    });
    onTestFinished(() => patience.end());
    async function* file() {
      for (let piece = 0; piece < 6; piece++) {
        await sleep(50);
        yield Uint8Array.of(piece);
      }
    }
    for await (const _ of patience.watch(file()));
    assert.deepEqual([pieces, patience.signal.aborted, patience.deadline.isProlonged()], [6, false, true]);
  });

  it('without a queue gives a silent repository the whole time', async () => {
    const main = towards(startPatience(100), undefined);
    await assert.rejects(
      main.retry(() => main.ask(silent)),
      error => error instanceof WalvaultError && error.message === 'push x: no answer within 100 ms',
    );
  });

  it('over the limit asks a repository that is away twice, and blames it', async () => {
    const main = towards(startPatience(), overLimit);
    let asked = 0;
    const failure = new StoreError('denied', 'no');
    const ask = () => main.ask(() => (asked++, Promise.reject(failure)));
    await assert.rejects(main.retry(ask), error => error === failure);
    assert.equal(asked, 2);
  });

  it('over twice the limit leaves a silent repository after a second, twice', async () => {
    const main = towards(startPatience(), overTwiceTheLimit);
    await assert.rejects(
      main.retry(() => main.ask(silent)),
      error =>
        !(error instanceof HeldUp) &&
        /^WalvaultError: repository "main": no answer within 1.0 s$/.test(String(error)),
    );
  });

  it('blames no repository that has had too little of the time', async () => {
    const main = towards(startPatience(300), overLimit);
    await assert.rejects(
      main.retry(() => main.ask(silent)),
      error => error instanceof HeldUp && error.message === 'push x: no answer within 300 ms',
    );
  });

  it('passes an interruption on as it is', async () => {
    const parent = new AbortController();
    const interruption = new WalvaultError('interrupted', 'interrupted by SIGTERM');
    for (const queue of [undefined, overLimit]) {
      const main = towards(startPatience(60_000, parent), queue);
      const attempt = main.retry(() => main.ask(silent));
      parent.abort(interruption);
      await assert.rejects(attempt, error => error === interruption);
    }
  });

  it('does not leave while an answer lies there that a process at a standstill has not read', async () => {
    const server = createServer(socket => socket.end('an answer'));
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    await towards(startPatience(), overTwiceTheLimit).ask(async signal => {
      const answer = once(socket, 'data', { signal });
      block(1500);
      assert.equal(String((await answer)[0]), 'an answer');
    });
  });

  it('leaves all the same in a process that has a little of a processor', { timeout: 30_000 }, async () => {
    const main = towards(startPatience(), overTwiceTheLimit);
    await assert.rejects(
      main.ask(async signal => {
        while (!signal.aborted) {
          await sleep(20);
          block(100);
        }
        throw signal.reason;
      }),
      { message: 'repository "main": no answer within 1.0 s' },
    );
  });
});
