/** What every driver that goes through a network must make of one that misbehaves. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Store } from '../../src/stores/store.ts';
import { StoreError } from '../../src/stores/store.ts';
import type { ProxyFault, TcpFaultProxy } from '../support/faults/tcp-fault-proxy.ts';
import {
  inPieces,
  names,
  put,
  putOptions,
  randomBody,
  read,
  rejectsAs,
  sha256Of,
  signal,
} from './contract-driver.ts';

export interface NetworkFixture {
  readonly proxy: TcpFaultProxy;
  /** Through the proxy and without decorators, so that one fault is one error; half a second is a long silence. */
  readonly store: Store;
  /** Through the proxy, as the program opens it: with repetition. */
  readonly patient: Store;
  /** As `store`, with another idea of a long silence. */
  connect(timeoutMs: number): Promise<Store>;
  /** By the straight way. */
  readonly near: Store;
  /** Of its own case. */
  readonly prefix: string;
}

export interface NetworkCase {
  readonly name: string;
  run(fixture: NetworkFixture): Promise<void>;
}

const mebibyte = 1024 * 1024;
/** In the middle of a body, behind every head. */
const midBody = 300_000;

/**
 * Repeats what a machine that stalled has spoiled, each time slower: with longer limits on silence, and so little sent
 * that it still takes longer than they are. Where moving bytes do not count, it fails at every pace.
 */
async function atSomePace(attempt: (slowness: number) => Promise<void>): Promise<void> {
  for (const slowness of [1, 4]) {
    try {
      await attempt(slowness);
      return;
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'unreachable') throw error;
    }
  }
  await attempt(16);
}

const readingFaults: readonly ProxyFault[] = [
  { kind: 'refuse' },
  { kind: 'reset', direction: 'down', afterBytes: midBody },
  { kind: 'stall', direction: 'down', afterBytes: midBody },
  { kind: 'truncate', afterBytes: midBody },
  { kind: 'truncate', afterBytes: 40 },
  { kind: 'lost-response' },
];
const writingFaults: readonly ProxyFault[] = [
  { kind: 'refuse' },
  { kind: 'reset', direction: 'up', afterBytes: midBody },
  { kind: 'stall', direction: 'up', afterBytes: midBody },
];
const busy = [429, 503] as const;

export const networkCases: readonly NetworkCase[] = [
  ...readingFaults.map(fault => ({
    name: `${wordsOf(fault)}: reading is unreachable, never short`,
    async run({ proxy, store, near, prefix }: NetworkFixture) {
      const data = randomBody(mebibyte);
      await put(near, `${prefix}/a`, [data]);
      proxy.setFault(fault);
      await rejectsAs('unreachable', read(store, `${prefix}/a`));
      proxy.setFault({ kind: 'none' });
      assert.ok(data.equals(await read(store, `${prefix}/a`)));
    },
  })),
  ...writingFaults.map(fault => ({
    name: `${wordsOf(fault)}: writing is unreachable, and nothing is there`,
    async run({ proxy, store, near, prefix }: NetworkFixture) {
      proxy.setFault(fault);
      await rejectsAs('unreachable', put(store, `${prefix}/a`, [randomBody(mebibyte)]));
      proxy.setFault({ kind: 'none' });
      assert.equal(await near.head(`${prefix}/a`, { signal }), undefined);
      await put(store, `${prefix}/a`, [randomBody(mebibyte)]);
    },
  })),
  ...(['refuse', 'lost-response'] as const).map(kind => ({
    name: `${kind}: a listing, a look and a deletion are unreachable, never empty or done`,
    async run({ proxy, store, near, prefix }: NetworkFixture) {
      await put(near, `${prefix}/a`, 'x');
      proxy.setFault({ kind });
      await rejectsAs('unreachable', names(store, { prefix }));
      await rejectsAs('unreachable', store.head(`${prefix}/a`, { signal }));
      const failures = await store.delete([`${prefix}/a`], { signal }).catch(error => [{ error }]);
      assert.equal((failures[0]?.error as StoreError | undefined)?.kind, 'unreachable');
    },
  })),
  {
    name: 'a listing that is cut is unreachable, never short',
    async run({ proxy, store, near, prefix }) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => put(near, `${prefix}/${n}`, 'x')));
      proxy.setFault({ kind: 'truncate', afterBytes: 1500 });
      await rejectsAs('unreachable', names(store, { prefix }));
      proxy.setFault({ kind: 'none' });
      assert.equal((await names(store, { prefix })).length, 20);
    },
  },
  {
    name: 'slow but moving: reading for longer than the limit on silence succeeds',
    async run({ proxy, connect, near, prefix }) {
      const data = randomBody(mebibyte);
      await put(near, `${prefix}/a`, [data]);
      await atSomePace(async slowness => {
        const store = await connect(500 * slowness);
        proxy.setFault({ kind: 'slow', bytesPerSecond: mebibyte / slowness });
        try {
          assert.ok(data.equals(await read(store, `${prefix}/a`)));
        } finally {
          await store.close();
        }
      });
    },
  },
  {
    // What the kernel has taken into its buffers moves unseen: the limit must be longer than their emptying.
    name: 'slow but moving: writing for longer than the limit on silence succeeds',
    async run({ proxy, connect, near, prefix }) {
      await atSomePace(async slowness => {
        const bytesPerSecond = (16 * mebibyte) / slowness;
        const limitMs = (kernelBufferBytes() / bytesPerSecond) * 1000 + 500 * slowness;
        const data = randomBody(Math.ceil((bytesPerSecond * limitMs * 1.25) / 1000));
        const key = `${prefix}/${slowness}`;
        const store = await connect(limitMs);
        proxy.setFault({ kind: 'slow', bytesPerSecond });
        try {
          await put(store, key, [data]);
        } finally {
          await store.close();
        }
        assert.ok(data.equals(await read(near, key)));
      });
    },
  },
  {
    name: 'a lost answer to a creation is unreachable, and its repetition meets our own object',
    async run({ proxy, store, prefix }) {
      const options = putOptions({ metadata: { 'write-id': 'mine' } });
      proxy.setFault({ kind: 'lost-response' });
      await rejectsAs('unreachable', store.put(`${prefix}/a`, [Buffer.from('x')], options));
      proxy.setFault({ kind: 'none' });
      await rejectsAs('exists', store.put(`${prefix}/a`, [Buffer.from('x')], options));
      assert.equal((await store.head(`${prefix}/a`, { signal }))?.metadata['write-id'], 'mine');
    },
  },
  {
    name: 'wrong bytes on the way back are damaged, never delivered',
    async run({ proxy, store, near, prefix }) {
      await put(near, `${prefix}/a`, [randomBody(mebibyte)]);
      proxy.setFault({ kind: 'corrupt', direction: 'down', afterBytes: midBody });
      await rejectsAs('damaged', read(store, `${prefix}/a`));
    },
  },
  {
    name: 'wrong bytes on the way there are refused, and nothing is there',
    async run({ proxy, store, near, prefix }) {
      proxy.setFault({ kind: 'corrupt', direction: 'up', afterBytes: midBody });
      await rejectsAs('damaged', put(store, `${prefix}/a`, [randomBody(mebibyte)]));
      assert.equal(await near.head(`${prefix}/a`, { signal }), undefined);
    },
  },
  ...busy.map(status => ({
    name: `${status} is throttled, and hands on how long to wait`,
    async run({ proxy, store, prefix }: NetworkFixture) {
      proxy.setFault({ kind: 'answer', status, headers: { 'retry-after': '7' } });
      const calls: readonly (() => Promise<unknown>)[] = [
        () => put(store, `${prefix}/a`, 'x'),
        () => read(store, `${prefix}/a`),
        () => names(store, { prefix }),
      ];
      for (const call of calls)
        await assert.rejects(call(), error => {
          assert(error instanceof StoreError, String(error));
          assert.deepEqual([error.kind, error.retryAfterMs], ['throttled', 7000], error.message);
          return true;
        });
    },
  })),
  {
    name: 'a storm of 503, resets and lost answers: all is well when it is over',
    async run({ proxy, patient, near, prefix }) {
      const data = randomBody(mebibyte);
      const storm: readonly ProxyFault[] = [
        { kind: 'answer', status: 503 },
        { kind: 'reset', direction: 'up', afterBytes: midBody },
        { kind: 'refuse' },
      ];
      proxy.setFaults(storm);
      await put(patient, `${prefix}/a`, [data]);
      assert.ok(data.equals(await read(near, `${prefix}/a`)));
      proxy.setFaults([{ kind: 'answer', status: 503 }, { kind: 'refuse' }, { kind: 'lost-response' }]);
      assert.ok(data.equals(await read(patient, `${prefix}/a`)));
      proxy.setFaults([
        { kind: 'answer', status: 429 },
        { kind: 'truncate', afterBytes: 300 },
      ]);
      assert.deepEqual(await names(patient, { prefix }), [`${prefix}/a`]);
    },
  },
  {
    name: 'a long upload goes on after connections that were cut, refused or answered with 503',
    async run({ proxy, patient, near, prefix }) {
      const data = randomBody(11 * mebibyte);
      proxy.setFaults([
        { kind: 'answer', status: 503 },
        { kind: 'reset', direction: 'up', afterBytes: 2 * midBody },
        { kind: 'lost-response' },
      ]);
      await put(patient, `${prefix}/a`, inPieces(data), { sizeBytes: data.length, sha256: sha256Of(data) });
      assert.ok(data.equals(await read(near, `${prefix}/a`)));
    },
  },
];

/** What a connection may hold unseen, a sender's and a receiver's buffer at their largest (tcp(7)); within reason. */
function kernelBufferBytes(): number {
  const largest = ['tcp_wmem', 'tcp_rmem'].map(name =>
    Number(readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/)[2]),
  );
  return Math.min((largest[0] ?? 0) + (largest[1] ?? 0), 40 * mebibyte);
}

function wordsOf(fault: ProxyFault): string {
  const where = 'afterBytes' in fault ? ` after ${fault.afterBytes} bytes` : '';
  return `${fault.kind}${'direction' in fault ? ` ${fault.direction}` : ''}${where}`;
}
