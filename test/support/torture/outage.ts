/** Outages of the store, of every kind, while a server writes: no WAL is lost, and memory does not grow. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { createS3Site } from '../site/store-site.ts';
import { coldCopy, outcomeOf, startRecovery, type Site } from '../site/site.ts';
import { startTcpFaultProxy, type ProxyFault } from '../faults/tcp-fault-proxy.ts';
import { runLoad } from '../site/load.ts';
import { allArchived, readyCount, waitingArchived } from './all-archived.ts';
import { watchArchiver, type ArchiverWatch } from './archiver-watch.ts';
import { memoryLimits } from './memory.ts';
import { readArchiver } from '../../../src/postgres/server/archiver.ts';

export interface OutageLength {
  readonly outages: number;
  /** Of each outage; a third of it refused, a third without an answer, a third as 503. */
  readonly awayMs: number;
  /** Before each outage. */
  readonly presentMs: number;
  /** Between two transactions of a client, each of 16 KiB of WAL: what the load costs. */
  readonly pauseMs: number;
}

export interface OutageFigures {
  readonly transactions: number;
  readonly segments: number;
  readonly failedAttempts: number;
  readonly largestBacklog: number;
  /** The longest, from the store's return until all that waited then is archived; the load goes on. */
  readonly drainMs: number;
  /** The highest of a push in the first and in the last third of the time; the same of the archiver itself. */
  readonly pushBytes: readonly [first: number, last: number];
  readonly archiverBytes: readonly [first: number, last: number];
}

/** A push's memory differs from run to run by the collector's mood. */
const flatness = 1.25;

export async function surviveOutages(length: OutageLength): Promise<OutageFigures> {
  const store = await createS3Site();
  const proxy = await startTcpFaultProxy(addressOf(store.server.endpoint));
  try {
    const { site, server: service } = store;
    const url = service.url.replace(encodeURIComponent(service.endpoint), `http://127.0.0.1:${proxy.port}`);
    const origin = await site.startOrigin({ env: { WALVAULT_REPOSITORY_URL: url, ...shortLimits(length) } });
    await using _origin = origin;
    await runLoad(origin, { transactions: 1 });
    await allArchived(origin, 60_000);
    await origin.stop();
    const before = coldCopy(origin);
    await origin.start();

    const ending = new AbortController();
    const watch = watchArchiver(origin);
    const postmaster = origin.pid;
    const load = runLoad(origin, {
      transactions: 1_000_000,
      rowBytes: 16 * 1024,
      pauseMs: length.pauseMs,
      signal: ending.signal,
    });
    // Awaited below; when an assertion fails before that, its error is the one to see.
    load.catch(() => undefined);
    let largestBacklog = 0;
    let drainMs = 0;
    for (let outage = 0; outage < length.outages; outage++) {
      await sleep(length.presentMs);
      largestBacklog = Math.max(largestBacklog, await suffer(origin, length.awayMs / 3, { proxy, service }));
      const returnedAt = performance.now();
      await waitingArchived(origin, length.awayMs + 120_000);
      drainMs = Math.max(drainMs, performance.now() - returnedAt);
    }
    ending.abort();
    const transactions = 2 + (await load);
    await allArchived(origin, 120_000);
    const memory = watch.end();
    assert.equal(origin.pid, postmaster);
    assert.doesNotMatch(origin.log(), /PANIC|terminated by signal|terminating connection/);
    const { archivedCount, failedCount } = await readArchiver(origin);
    const figures = {
      transactions,
      segments: archivedCount,
      failedAttempts: failedCount,
      largestBacklog,
      drainMs,
      ...memory,
    };
    assert.ok(figures.failedAttempts > 0 && largestBacklog > 0, 'the store was never away');
    assertFlat(memory);
    await origin.stop();
    try {
      await assertAllThere(site, before, figures);
    } catch (error) {
      throw new Error(`not all is there: ${JSON.stringify(figures)}`, { cause: error });
    }
    return figures;
  } finally {
    await proxy.close();
    await store.close();
  }
}

/** An outage under load, a third of the time in each kind of fault. Resolves with the backlog at its end. */
async function suffer(
  origin: PostgresServer,
  eachMs: number,
  { proxy, service }: Pick<Outage, 'proxy' | 'service'>,
): Promise<number> {
  const committedBefore = await committedIn(origin);
  const faults: readonly ProxyFault[] = [
    { kind: 'refuse' },
    { kind: 'stall', direction: 'down', afterBytes: 0 },
  ];
  for (const fault of faults) {
    proxy.setFault(fault);
    await sleep(eachMs);
  }
  proxy.setFault({ kind: 'none' });
  service.faults.inject({
    times: Infinity,
    effect: { kind: 'answer', status: 503, code: 'ServiceUnavailable' },
  });
  await sleep(eachMs);
  assert.ok(
    (await committedIn(origin)) > committedBefore,
    'the server wrote nothing while the store was away',
  );
  const backlog = readyCount(origin);
  service.faults.clear();
  return backlog;
}

interface Outage {
  readonly proxy: Awaited<ReturnType<typeof startTcpFaultProxy>>;
  readonly service: Awaited<ReturnType<typeof createS3Site>>['server'];
}

/** Every acknowledged transaction, from the archive alone. */
async function assertAllThere(
  site: Site,
  from: string,
  { transactions, segments }: OutageFigures,
): Promise<void> {
  await using copy = await startRecovery(site, { from, mode: 'point-in-time' });
  // One process a segment: a busy machine takes seconds for each.
  const patienceMs = 240_000 + segments * 5000;
  assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
  assert.equal(await committedIn(copy), transactions);
}

async function committedIn(server: PostgresServer): Promise<number> {
  const [row] = await server.query<{ count: number }>('select count(*)::int as count from ledger');
  return row?.count ?? 0;
}

function assertFlat({ pushBytes, archiverBytes }: ReturnType<ArchiverWatch['end']>): void {
  for (const [what, [first, last]] of Object.entries({ push: pushBytes, archiver: archiverBytes })) {
    assert.ok(first > 0 && last > 0, `${what} was not seen: ${first}, ${last} bytes`);
    assert.ok(last <= first * flatness, `${what} grew from ${first} to ${last} bytes`);
  }
  assert.ok(Math.max(...pushBytes) <= memoryLimits.pushBytes, `push took ${pushBytes.join(', ')} bytes`);
}

/** Short outages must still see a push that gives up; a busy machine must not look like one. */
function shortLimits({ awayMs }: OutageLength): Record<string, string> {
  return awayMs < 60_000 ? { WALVAULT_ARCHIVE_TIMEOUT: '3s', WALVAULT_STORE_REQUEST_TIMEOUT: '3s' } : {};
}

function addressOf(endpoint: string): { host: string; port: number } {
  const { hostname, port } = new URL(endpoint);
  return { host: hostname, port: Number(port) };
}
