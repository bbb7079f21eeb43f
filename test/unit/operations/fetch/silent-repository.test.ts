/** Repositories that take a question and never answer it, before others that do. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { sleep } from '../../../../src/base/time/wait.ts';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { wordsInto } from '../../../support/logs.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { fetchAhead } from '../../../../src/operations/fetch/fetch-ahead.ts';
import { fetch, type FetchResult } from '../../../../src/operations/fetch/fetch.ts';
import type { FetchOptions } from '../../../../src/operations/fetch/options.ts';
import { Laggards } from '../../../../src/operations/fetch/laggards.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import type { Store } from '../../../../src/stores/store.ts';
import {
  archiveSegment,
  makeRepository,
  overrideStore,
  geometry,
  segmentSizeBytes,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const timeoutMs = 1000;
const name = (number: number) => geometry.nameOf(1, BigInt(number));

let destination: string;
let events: Words[];
/** Repositories in the order in which they were asked for a segment. */
let asked: string[];
let silent: Repository;
let second: Repository;

beforeEach(async () => {
  const directory = join(temporaryDirectory('fetch', { keepOwner: true }), 'pg_wal');
  mkdirSync(directory);
  destination = join(directory, 'RECOVERYXLOG');
  events = [];
  asked = [];
  silent = watched(await makeRepository(), { get: (_, options) => sleep(600_000, options.signal) as never });
  second = watched(await makeRepository({ name: 'second' }));
  await archiveSegment(second, 1, 5n);
});

function watched(repository: Repository, { get = repository.store.get }: Partial<Store> = {}): Repository {
  const seen: Store['get'] = (key, options) => {
    if (key.includes('/wal/')) asked.push(repository.name);
    return get.call(repository.store, key, options);
  };
  return { ...repository, store: overrideStore(repository.store, { get: seen }) };
}

function common() {
  return {
    destination,
    system,
    geometry,
    headerCheck: true,
    log: wordsInto(events),
    signal,
  };
}

function ask(number: number, options: Partial<FetchOptions> = {}): Promise<FetchResult> {
  return fetch({
    ...common(),
    name: name(number),
    mode: 'point-in-time',
    reached: [],
    timeline: undefined,
    isTargetSet: false,
    repositories: [silent, second],
    timeoutMs,
    standbyTimeoutMs: timeoutMs,
    ...options,
  });
}

const warnings = () => events.map(({ level, message }) => `${level}: ${message}`);

describe('a repository that never answers', () => {
  for (const mode of ['point-in-time', 'standby'] as const)
    it(`is passed over in time for the next one, and named (${mode})`, async () => {
      assert.deepEqual(await ask(5, { mode }), { outcome: 'delivered', repository: 'second' });
      assert.deepEqual(asked, ['main', 'second']);
      assert.equal(warnings().length, 1);
      assert.match(
        warnings()[0] ?? '',
        /^warn: repository "main": fetch 0{7}10{14}05: no answer within \d+ ms$/,
      );
    });

  it('leaves each of the others an equal share', async () => {
    const third = watched(await makeRepository({ name: 'third' }), silent.store);
    const repositories = [silent, { ...third, required: false }, second];
    assert.deepEqual(await ask(5, { repositories }), { outcome: 'delivered', repository: 'second' });
    const [ofFirst = 0, ofThird = 0] = warnings().map(text => Number(/within (\d+) ms/.exec(text)?.[1]));
    for (const shareMs of [ofFirst, ofThird])
      assert.ok(shareMs > timeoutMs * 0.2 && shareMs < timeoutMs * 0.4, warnings().join());
  });

  it('does not prove that a segment is absent, if it is required, and comes last from then on', async () => {
    await assert.rejects(ask(6), error => {
      assert.ok(error instanceof WalvaultError);
      assert.equal(error.code, 'unreachable');
      assert.match(error.message, /^repository "main": /);
      return true;
    });
    assert.deepEqual(asked, ['main', 'second', 'second', 'main']);
    assert.deepEqual(await ask(6, { repositories: [{ ...silent, required: false }, second] }), {
      outcome: 'absent',
    });
    assert.match(warnings().at(-1) ?? '', /^warn: best-effort repository "main": .*no answer/);
  });

  it('is named also where no other answers either', async () => {
    const other = watched(await makeRepository({ name: 'other' }), silent.store);
    await assert.rejects(
      ask(5, { repositories: [silent, other] }),
      /^WalvaultError: repository "other": .*no answer/,
    );
    assert.match(warnings().join(), /warn: repository "main": .*no answer/);
  });

  it('is not one whose file arrives slowly', async () => {
    const slow = await makeRepository();
    await archiveSegment(slow, 1, 5n);
    const get: Store['get'] = async (key, options) => {
      const found = await slow.store.get(key, options);
      const whole = await collect(found.body, segmentSizeBytes * 2);
      async function* body() {
        for (let piece = 0; piece < 20; piece++) {
          await sleep(timeoutMs / 16, options.signal);
          yield whole.subarray((piece * whole.length) / 20, ((piece + 1) * whole.length) / 20);
        }
      }
      return { ...found, body: body() };
    };
    assert.deepEqual(await ask(5, { repositories: [watched(slow, { get }), second] }), {
      outcome: 'delivered',
      repository: 'main',
    });
  });

  it('keeps the agent waiting once', async () => {
    await archiveSegment(second, 1, 6n);
    const laggards = new Laggards();
    for (const number of [5, 6])
      assert.ok(
        await fetchAhead({
          ...common(),
          segmentSizeBytes,
          name: name(number),
          repositories: [silent, second],
          silenceMs: timeoutMs,
          laggards,
        }),
      );
    assert.deepEqual(asked, ['main', 'second', 'second']);
  });
});
