/** Two attempts at one backup that cannot see each other: in each order of their requests one commits, and keeps its pieces. */
import assert from 'node:assert/strict';
import { beforeAll, describe, test } from 'vitest';
import { streamOf } from '../../../../../src/base/bytes/streams.ts';
import { newBackupSet } from '../../../../../src/operations/backup/backup-set.ts';
import { readCatalog, writeBackupRecord } from '../../../../../src/repository/format/catalog.ts';
import { endAttempts, writeClaim } from '../../../../../src/repository/format/claim.ts';
import { attemptKey, backupPrefix } from '../../../../../src/repository/format/layout.ts';
import { encodeJson } from '../../../../../src/repository/format/json-object.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import type { PartSet } from '../../../../../src/repository/sets/part-set.ts';
import { Destinations } from '../../../../../src/repository/sets/destinations.ts';
import { createMemoryStore } from '../../../../../src/stores/memory/store.ts';
import type { Store } from '../../../../../src/stores/store.ts';
import { makeSignedArchive, plant, type SignedArchive } from '../../../../support/hostile/archive.ts';
import { silentLog } from '../../../../support/logs.ts';
import { sampleRecord } from '../../../../support/sample-record.ts';
import { listKeys } from '../../../../support/site/backup-fixtures.ts';
import { overrideStore, signal, system } from '../../../../support/site/archive.ts';

const { id } = sampleRecord;
const claim = (attempt: number) => ({ id, attempt, host: `db${attempt}`, pid: 7, startTime: new Date(0) });

let archive: SignedArchive;
beforeAll(async () => {
  archive = await makeSignedArchive();
});

/** The signing host's repository, with nothing in it. */
function emptyRepository(name = 'main'): Repository {
  return { ...archive.as('require'), name, store: createMemoryStore({ name }) };
}

/** A run that stands still before each request to its store, until it is its turn. */
class Run {
  readonly work: Promise<void>;
  #isOver = false;
  #open: (() => void) | undefined;
  #stopped = Promise.withResolvers<void>();

  constructor(repository: Repository, work: (repository: Repository) => Promise<void>) {
    this.work = work({ ...repository, store: this.#gated(repository.store) }).finally(() => {
      this.#isOver = true;
      this.#stopped.resolve();
    });
    this.work.catch(() => undefined);
  }

  /** Once it stands before its next request, or has ended. @returns whether it has not ended */
  async isWaiting(): Promise<boolean> {
    await this.#stopped.promise;
    return !this.#isOver;
  }

  go(): void {
    this.#stopped = Promise.withResolvers();
    this.#open?.();
  }

  #gated(store: Store): Store {
    const turn = async () => {
      const gate = Promise.withResolvers<void>();
      this.#open = gate.resolve;
      this.#stopped.resolve();
      await gate.promise;
    };
    return overrideStore(store, {
      put: async (...args) => {
        await turn();
        await store.put(...args);
      },
      get: async (...args) => {
        await turn();
        return await store.get(...args);
      },
      head: async (...args) => {
        await turn();
        return await store.head(...args);
      },
    });
  }
}

/** Does both in each order of their requests, each time in a repository of its own. @returns how many orders there were */
async function inEachOrder(
  works: readonly ((repository: Repository) => Promise<void>)[],
  judge: (results: readonly PromiseSettledResult<void>[], repository: Repository) => Promise<void>,
): Promise<number> {
  let count = 0;
  // The orders that are still to be tried, by whose turn it is.
  const orders: number[][] = [[]];
  for (let order; (order = orders.pop()) !== undefined; count++) {
    const repository = emptyRepository();
    const runs = works.map(work => new Run(repository, work));
    const taken: number[] = [];
    for (;;) {
      const waiting = [];
      for (const [index, run] of runs.entries()) if (await run.isWaiting()) waiting.push(index);
      if (waiting.length === 0) break;
      const planned = order[taken.length];
      const next = planned ?? waiting[0] ?? 0;
      if (planned === undefined) for (const other of waiting.slice(1)) orders.push([...taken, other]);
      taken.push(next);
      runs[next]?.go();
    }
    await judge(await Promise.allSettled(runs.map(({ work }) => work)), repository);
  }
  return count;
}

const labelled = (attempt: number) => ({ ...sampleRecord, label: `attempt ${attempt}` });

describe('two attempts that end at the same time', () => {
  test('one of them commits, and its record is signed and whole', async () => {
    const first = async (repository: Repository) => {
      assert.ok(await endAttempts(repository, system, claim(1), signal), 'another has gone on');
      await writeBackupRecord(repository, system, labelled(1), signal);
    };
    const second = async (repository: Repository) => {
      assert.ok(await writeClaim(repository, system, claim(2), signal), 'the number is taken');
      assert.ok(await endAttempts(repository, system, claim(2), signal), 'another has gone on');
      await writeBackupRecord(repository, system, labelled(2), signal);
    };
    const winners = new Set<number>();
    const orders = await inEachOrder([first, second], async (results, repository) => {
      const committed = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
      assert.equal(committed.length, 1, `committed: ${committed.join(' and ')}`);
      const { backups } = await readCatalog(repository, system, signal);
      assert.deepEqual(
        backups.map(({ record, verdict }) => [record.label, verdict.status]),
        [[`attempt ${committed[0]}`, 'good']],
      );
      for (const winner of committed) winners.add(winner);
    });
    assert.deepEqual(winners, new Set([1, 2]));
    assert.ok(orders > 20, `${orders} orders`);
  });

  test('a planted claim keeps nobody from committing, and the answer may be lost', async () => {
    const repository = emptyRepository();
    await plant(repository, attemptKey(system, id, 2), encodeJson({ format: 1, id, attempt: 2 }));
    assert.ok(await endAttempts(repository, system, claim(1), signal));
    assert.ok(await endAttempts(repository, system, claim(1), signal), 'its own');
    assert.equal(
      await endAttempts(repository, system, { ...claim(1), host: 'db7' }, signal),
      true,
      'unsigned',
    );
    assert.equal(await endAttempts(repository, system, claim(9), signal), true, 'none can follow');
    const unsigned = {
      ...emptyRepository(),
      codec: archive.as('off', { keys: { signingKey: undefined, trustedSigners: [] } }).codec,
    };
    await plant(unsigned, attemptKey(system, id, 2), '{}');
    assert.equal(
      await endAttempts(unsigned, system, claim(1), signal),
      false,
      'nothing tells it from a real one',
    );
    const fresh = { ...unsigned, store: createMemoryStore() };
    for (const answer of ['lost', 'here'])
      assert.ok(await endAttempts(fresh, system, claim(1), signal), `its own, the answer is ${answer}`);
  });
});

/** An attempt that has stored a part and its manifest in each repository. */
async function written(attempt: number, repositories: readonly Repository[]): Promise<PartSet> {
  const destinations = new Destinations(
    repositories.map(repository => ({ repository, mustSucceed: repository.name === 'main' })),
    () => undefined,
  );
  const set = newBackupSet({
    ...{ system, id, attempt, destinations, log: silentLog, signal },
    indexer: { hasBegun: true },
  });
  for (const repository of repositories)
    assert.ok(await writeClaim(repository, system, claim(attempt), signal));
  await set.writePart(part => ({ stream: streamOf(Buffer.from(`part ${part}`)), content: part }));
  await set.writeManifest(() => streamOf(Buffer.from(`manifest of ${attempt}`)));
  return set;
}

const commit = async (set: PartSet, attempt: number) =>
  await set.commit((repository, until) => writeBackupRecord(repository, system, labelled(attempt), until));

describe('the attempt that another one has gone on with', () => {
  test('does not commit, and removes nothing, wherever it was left out', async () => {
    const [main, extra] = [emptyRepository(), emptyRepository('extra')];
    const first = await written(1, [main, extra]);
    const second = await written(2, [main, extra]);
    await commit(second, 2);
    const piecesOf = async ({ store }: Repository) => await listKeys(store, backupPrefix(system, id));
    const before = [await piecesOf(main), await piecesOf(extra)];

    // As a repository that need not be reached, and has failed.
    first.destinations.leaveOut('extra', new Error('it was unreachable for a moment'));
    await assert.rejects(commit(first, 1), {
      code: 'conflict',
      message: /another run has gone on with backup/,
    });
    assert.deepEqual(await first.discardUncommitted(), []);
    await first.discardLeftOut();
    assert.deepEqual([await piecesOf(main), await piecesOf(extra)], before);
  });

  test('leaves no piece where nobody has gone on, but the claims that keep it so', async () => {
    const [main, extra] = [emptyRepository(), emptyRepository('extra')];
    const first = await written(1, [main, extra]);
    first.destinations.leaveOut('extra', new Error('it was unreachable for a moment'));
    await commit(first, 1);
    await first.discardLeftOut();
    const left = await listKeys(extra.store, backupPrefix(system, id));
    assert.deepEqual(
      left.map(key => key.slice(backupPrefix(system, id).length)),
      ['attempts/2.json', 'claim.json', 'claim.json.sig'],
    );
    assert.equal(await writeClaim(extra, system, claim(2), signal), false, 'a slow run comes too late');
  });
});
