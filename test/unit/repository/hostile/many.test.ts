/** Very many planted objects, and very large ones: what they cost a reader has a bound, and genuine ones are found. */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, it } from 'vitest';
import { readCatalog, writeBackupRecord } from '../../../../src/repository/format/catalog.ts';
import { encodeBackupRecord } from '../../../../src/repository/format/backup-record-json.ts';
import {
  commitRecordKey,
  historyKey,
  noteKey,
  signatureKey,
  timelinesPrefix,
  walPrefix,
} from '../../../../src/repository/format/layout.ts';
import { highWaterNote } from '../../../../src/repository/format/notes/high-water.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { readTimelines } from '../../../../src/repository/wal/timelines.ts';
import type { ListEntry, ListOptions } from '../../../../src/stores/store.ts';
import { makeSignedArchive, plant, type SignedArchive } from '../../../support/hostile/archive.ts';
import { sampleRecord } from '../../../support/sample-record.ts';
import { archiveFile, geometry, overrideStore, signal, system } from '../../../support/site/archive.ts';

const mebibyte = 1024 ** 2;
const idOf = (index: number) => `20991122T020000Z-full-${index.toString(16).padStart(6, '0')}`;
let archive: SignedArchive;

beforeEach(async () => {
  archive = await makeSignedArchive();
});

/** The repository, with planted records that the store lists as large as said; `read` counts what is asked for. */
function watched(repository: Repository, listedBytes: number): Repository & { readonly read: string[] } {
  const read: string[] = [];
  const { store } = repository;
  const isPlanted = (key: string) => key.includes('/2099') && key.endsWith('.json');
  async function* list(options: ListOptions): AsyncGenerator<ListEntry> {
    for await (const entry of store.list(options))
      yield 'key' in entry && isPlanted(entry.key) ? { ...entry, sizeBytes: listedBytes } : entry;
  }
  const get: typeof store.get = (key, options) => {
    if (isPlanted(key)) read.push(key);
    return store.get(key, options);
  };
  return { ...repository, store: overrideStore(store, { list, get }), read };
}

describe('large records of strangers', () => {
  it('are read up to a bound and after smaller ones, where nobody signs', async () => {
    const repository = archive.as('warn', { keys: { signingKey: undefined } });
    for (let index = 0; index < 20; index++)
      await plant(repository, commitRecordKey(system, idOf(index)), '{}');
    await writeBackupRecord(repository, system, sampleRecord, signal);
    for (const policy of ['warn', 'off'] as const) {
      const reader = watched(archive.as(policy), 60 * mebibyte);
      const { backups, unreadable } = await readCatalog(reader, system, signal);
      assert.deepEqual(
        backups.map(({ record }) => record.id),
        [sampleRecord.id],
      );
      assert.equal(reader.read.length, 4, policy);
      assert.equal(unreadable.filter(({ problem }) => problem.includes('was not read')).length, 16);
    }
  });

  it('are not parsed where their signature is worth nothing and the bound is reached', async () => {
    const required = archive.as('require');
    await writeBackupRecord(required, system, sampleRecord, signal);
    for (let index = 0; index < 3; index++) {
      const record = { ...sampleRecord, id: idOf(index), label: 'x'.repeat(7 * mebibyte) };
      const key = commitRecordKey(system, record.id);
      await plant(required, signatureKey(key), 'garbage');
      await plant(required, key, encodeBackupRecord(record));
    }
    const { backups, unreadable } = await readCatalog(required, system, signal);
    const believed = backups.filter(({ verdict }) => verdict.status === 'good');
    assert.deepEqual(
      believed.map(({ record }) => record.id),
      [sampleRecord.id],
    );
    assert.deepEqual([backups.length, unreadable.length], [3, 1]);
    assert.match(unreadable[0]?.problem ?? '', /bad signature.*was not read/);
  });

  it('are not even asked for beyond the largest record there can be', async () => {
    const required = archive.as('require');
    const key = commitRecordKey(system, idOf(1));
    await plant(required, signatureKey(key), 'garbage');
    await plant(required, key, '{}');
    const reader = watched(required, 65 * mebibyte);
    const { unreadable } = await readCatalog(reader, system, signal);
    assert.match(unreadable[0]?.problem ?? '', /larger than \d+ bytes/);
    assert.deepEqual(reader.read, []);
  });
});

describe('many records of strangers', () => {
  it('are read up to a bound, and hide no genuine one', async () => {
    const required = archive.as('require');
    await writeBackupRecord(required, system, sampleRecord, signal);
    for (let index = 0; index < 1100; index++)
      await plant(required, commitRecordKey(system, idOf(index)), '{}');
    const reader = watched(required, 2);
    const { backups, unreadable } = await readCatalog(reader, system, signal);
    assert.deepEqual([backups.length, unreadable.length, reader.read.length], [1, 1100, 1000]);
  });
});

describe('many histories and notes of strangers', () => {
  /** The most requests that were under way at once, and the prefixes that were listed. */
  function counted(repository: Repository) {
    const { store } = repository;
    const seen = { most: 0, listed: [] as string[] };
    let underWay = 0;
    const counting = async <T>(work: () => Promise<T>): Promise<T> => {
      seen.most = Math.max(seen.most, ++underWay);
      await nextTurn();
      underWay--;
      return await work();
    };
    const watchedStore = overrideStore(store, {
      head: (key, options) => counting(() => store.head(key, options)),
      get: (key, options) => counting(() => store.get(key, options)),
      list: options => {
        seen.listed.push(options.prefix);
        return store.list(options);
      },
    });
    return { seen, repository: { ...repository, store: watchedStore } };
  }

  it('are asked for side by side, and WAL only where there is any', async () => {
    const required = archive.as('require');
    for (let timeline = 5; timeline < 205; timeline++)
      await plant(required, historyKey(system, timeline), '1\t0/3000000\tplanted\n');
    await archiveFile(required, '00000003.history', '1\t0/3000000\tgenuine\n');
    const { seen, repository } = counted(required);
    const { tree, foreign } = await readTimelines(repository, system, signal);
    assert.deepEqual([[...tree.keys()], foreign.size], [[3], 200]);
    assert.equal(seen.most, 16);
    assert.deepEqual(seen.listed, [timelinesPrefix(system), walPrefix(system)]);
  });

  it('are asked for side by side where each has a signature that is worth nothing', async () => {
    const required = archive.as('require');
    for (let index = 0; index < 100; index++) {
      const [name, segment] = [
        `20261122T0205${String(index).padStart(2, '0')}123Z`,
        geometry.nameOf(1, 9n + BigInt(index)),
      ];
      for (const key of [
        noteKey(system, 'wal-00000001', name, 'wal-lost'),
        noteKey(system, 'high-water', segment, 'high-water'),
      ]) {
        await plant(required, signatureKey(key), 'garbage');
        await plant(required, key, '{}');
      }
    }
    await writeNote(required, system, highWaterNote({ timeline: 1, segment: 7n }, geometry), signal);
    for (const read of ['lostWal', 'highWater'] as const) {
      const { seen, repository } = counted(required);
      const found = await surveySystem(repository, system, signal)[read](geometry);
      assert.equal(found.length, read === 'highWater' ? 1 : 0);
      assert.equal(seen.most, 16, read);
    }
  });
});
