import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, test } from 'vitest';
import { countBounds } from '../../../../../src/base/bounds.ts';
import { Secret } from '../../../../../src/base/secret.ts';
import {
  findInterrupted,
  type FindOptions,
} from '../../../../../src/operations/backup/resume/find-interrupted.ts';
import { newHostSecret, parseHostSecret } from '../../../../../src/repository/encoding/host-secret.ts';
import {
  attemptKey,
  commitRecordKey,
  noteKey,
  partIndexKey,
  partKey,
} from '../../../../../src/repository/format/layout.ts';
import { writeClaim } from '../../../../../src/repository/format/claim.ts';
import { sealPartIndex } from '../../../../../src/repository/format/part-index.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { wordsInto } from '../../../../support/logs.ts';
import { makeRepository, overrideStore, signal, system } from '../../../../support/site/archive.ts';
import type { Words } from '../../../../../src/observe/words/table.ts';

const id = '20261122T020000Z-full-3f2a91';
const secret = parseHostSecret(new Secret(newHostSecret()));
const keys = 'cd'.repeat(32);

interface Writing {
  readonly part?: number;
  readonly id?: string;
  readonly host?: string;
  readonly keys?: string;
  readonly secret?: FindOptions['secret'];
}

/** An interrupted backup with one finished part. */
async function writePart(repository: Repository, options: Writing = {}): Promise<void> {
  const backup = options.id ?? id;
  const number = options.part ?? 1;
  const name = `parts/${String(number).padStart(6, '0')}.tar.zst`;
  const part = { number, name, storedSizeBytes: 4, storedSha256: 'ab'.repeat(32), plainSizeBytes: 1024 };
  const entry = { path: `base/${number}`, type: 'file', sizeBytes: 1, mode: 0o600, mtimeMs: 1 } as const;
  const sealed = await sealPartIndex(
    { system, id: backup, secret: options.secret ?? secret },
    {
      part,
      host: options.host ?? hostname(),
      keys: options.keys ?? keys,
      entries: [{ ...entry, sha256: 'ef'.repeat(32), part: number }],
    },
  );
  await put(repository, partKey(system, backup, number, '.zst'), 'part');
  await put(repository, partIndexKey(system, backup, number), sealed ?? '');
}

async function put({ store }: Repository, key: string, body: Buffer | string): Promise<void> {
  await store.put(key, [Buffer.from(body)], { ifAbsent: false, objectClass: 'catalog', signal });
}

async function find(
  repositories: readonly Repository[],
  change: Partial<FindOptions> & { isLocked?: boolean } = {},
) {
  const said: Words[] = [];
  const connection = { query: async () => [{ locked: change.isLocked !== true }] };
  const found = await findInterrupted({
    ...{ system, parent: undefined, repositories, secret, keys, now: new Date(), signal },
    connection: connection as unknown as FindOptions['connection'],
    log: wordsInto(said),
    ...change,
  });
  await using parts = found?.parts;
  const numbers = parts?.list.map(({ part }) => part.number);
  return {
    id: found?.id,
    attempt: found?.attempt,
    numbers,
    said: said.map(({ message }) => message).join('\n'),
  };
}

describe('an interrupted backup', () => {
  test('is gone on with, its newest parts first, as the next attempt', async () => {
    const repository = await makeRepository();
    assert.equal((await find([repository])).id, undefined);
    await writePart(repository);
    for (let part = 2; part <= 20; part++) await writePart(repository, { part });
    const { said, ...found } = await find([repository]);
    const numbers = Array.from({ length: 20 }, (_, index) => 20 - index);
    assert.deepEqual(found, { id, attempt: 2, numbers });
    assert.equal(said, '');
    await put(repository, attemptKey(system, id, 4), '{}');
    assert.equal((await find([repository])).attempt, 5);
    await put(repository, attemptKey(system, id, 9), '{}');
    assert.match((await find([repository])).said, /9 attempts have failed/);
  });

  test('is the newest of several that has parts', async () => {
    const repository = await makeRepository();
    await writePart(repository);
    const newer = '20261123T020000Z-full-3f2a92';
    await put(repository, partKey(system, newer, 1, '.zst'), 'part');
    const { id: first, said } = await find([repository]);
    assert.equal(first, id);
    assert.match(said, new RegExp(`${newer}: it has no finished part that this host can tell`));
    await writePart(repository, { id: newer });
    assert.equal((await find([repository])).id, newer);
  });

  test('on a parent is gone on with by one on the same parent, and by no other', async () => {
    const repository = await makeRepository();
    const parent = id;
    const incremental = '20261123T020000Z-incr-3f2a92';
    await writePart(repository, { id: incremental });
    assert.equal((await find([repository])).id, undefined);
    assert.match((await find([repository], { parent })).said, /does not say which backup it builds on/);
    const claim = { id: incremental, attempt: 1, host: 'db1', pid: 1, startTime: new Date(), parent };
    assert.ok(await writeClaim(repository, system, claim, signal));
    assert.equal((await find([repository], { parent })).id, incremental);
    const other = await find([repository], { parent: '20261124T020000Z-full-3f2a93' });
    assert.deepEqual([other.id, /: it builds on (.*)/.exec(other.said)?.[1]], [undefined, parent]);
  });

  test('that was committed is none', async () => {
    const repository = await makeRepository();
    await writePart(repository);
    await put(repository, commitRecordKey(system, id), '{}');
    assert.equal((await find([repository])).id, undefined);
  });

  test('counts with those parts that every repository has', async () => {
    const [one, other] = [await makeRepository(), await makeRepository({ name: 'offsite' })];
    await writePart(one);
    await writePart(one, { part: 2 });
    assert.equal((await find([one, other])).id, undefined);
    await writePart(other, { part: 2 });
    assert.deepEqual((await find([one, other])).numbers, [2]);
  });

  test('is passed over while another run takes it, with other keys, and after four days', async () => {
    const repository = await makeRepository();
    await writePart(repository);
    assert.match((await find([repository], { isLocked: true })).said, /another run is taking it/);
    assert.match((await find([repository], { keys: 'of today' })).said, /with other keys/);
    const later = new Date(Date.now() + 97 * 3_600_000);
    assert.deepEqual(await find([repository], { now: later }), {
      ...{ id: undefined, attempt: undefined, numbers: undefined },
      said: '',
    });
  });

  test('is no longer one whose removal cleanup has begun', async () => {
    const repository = await makeRepository();
    await writePart(repository);
    await put(repository, noteKey(system, id, '20261122T020500123Z', 'pin'), '{}');
    assert.equal((await find([repository])).id, id);
    await put(repository, noteKey(system, id, '20261122T020500123Z', 'expiring'), '{}');
    assert.match((await find([repository])).said, /cleanup has begun to remove it/);
  });

  test('of another host is gone on with when that host has been silent for ten minutes', async () => {
    const repository = await makeRepository();
    await writePart(repository, { host: 'db-before' });
    assert.match((await find([repository])).said, /host "db-before" .* may still be taking it/);
    assert.equal((await find([repository], { now: new Date(Date.now() + 11 * 60_000) })).id, id);
  });

  describe('in a hostile store', () => {
    const hostile: readonly (readonly [string, (repository: Repository) => Promise<void>])[] = [
      [
        'an altered index',
        async store => await put(store, partIndexKey(system, id, 1), 'walvault-sealed1 not'),
      ],
      [
        'an index of another backup',
        async repository => {
          const other = '20261122T020000Z-full-3f2a92';
          await writePart(repository, { id: other });
          await move(repository, partIndexKey(system, other, 1), partIndexKey(system, id, 1));
          await repository.store.delete([partKey(system, other, 1, '.zst')], { signal });
        },
      ],
      [
        'an index of another part',
        async repository => await move(repository, partIndexKey(system, id, 1), partIndexKey(system, id, 2)),
      ],
      [
        'an index made with another secret',
        async repository =>
          await writePart(repository, { secret: parseHostSecret(new Secret(newHostSecret())) }),
      ],
      [
        'a part of another size',
        async repository => await put(repository, partKey(system, id, 1, '.zst'), 'cut'),
      ],
      [
        'no part',
        async ({ store }) => void (await store.delete([partKey(system, id, 1, '.zst')], { signal })),
      ],
      [
        'an index larger than any',
        async repository => await put(repository, partIndexKey(system, id, 1), Buffer.alloc(65 * 1024 ** 2)),
      ],
    ];
    for (const [what, attack] of hostile)
      test(`${what} counts for nothing`, async () => {
        const repository = await makeRepository();
        await writePart(repository);
        await attack(repository);
        const { id: found, said } = await find([repository]);
        assert.equal(found, undefined);
        assert.match(said, /it has no finished part that this host can tell/);
      });

    test('no more planted indexes are read than a bound', async () => {
      const repository = await makeRepository();
      for (let part = 1; part <= 300; part++)
        await put(repository, partIndexKey(system, id, part), 'planted');
      let readCount = 0;
      const store = overrideStore(repository.store, {
        get: async (key, options) => {
          readCount++;
          return await repository.store.get(key, options);
        },
      });
      assert.equal((await find([{ ...repository, store }])).id, undefined);
      assert.ok(readCount >= countBounds.unopenedIndexes.limit && readCount < 120, `${readCount} were read`);
    });
  });
});

async function move({ store }: Repository, from: string, to: string): Promise<void> {
  const { body } = await store.get(from, { signal });
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  await store.put(to, pieces, { ifAbsent: false, objectClass: 'catalog', signal });
  await store.delete([from], { signal });
}
