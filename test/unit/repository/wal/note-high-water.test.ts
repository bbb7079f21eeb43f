import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../src/repository/survey.ts';
import { isHighWaterMark, noteHighWater } from '../../../../src/repository/wal/note-high-water.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { wordsInto } from '../../../support/logs.ts';
import { geometry, makeRepository, overrideStore, signal, system } from '../../../support/site/archive.ts';

const position = { timeline: 3, segment: 1024n };
const note = (repositories: readonly Repository[], events: Words[], until = signal) =>
  noteHighWater(repositories, position, { system, geometry, log: wordsInto(events), signal: until });

describe('a high-water note', () => {
  it('is written once for each GiB of WAL', () => {
    const marks = (sizeBytes: number, count: number) =>
      Array.from({ length: count }, (_, index) => BigInt(index)).filter(segment =>
        isHighWaterMark(segment, new WalGeometry(sizeBytes)),
      );
    assert.deepEqual(marks(16 * 1024 ** 2, 200), [0n, 64n, 128n, 192n]);
    assert.deepEqual(marks(1024 ** 2, 2049), [0n, 1024n, 2048n]);
    assert.deepEqual(marks(1024 ** 3, 3), [0n, 1n, 2n]);
  });

  it('tells its position by its key, and may be written again', async () => {
    const repository = await makeRepository();
    const events: Words[] = [];
    await note([repository], events);
    await note([repository], events);
    assert.deepEqual(events, []);
    const found = await surveySystem(repository, system, signal).highWater(geometry);
    assert.deepEqual(
      found.map(({ timeline, segment, key }) => [timeline, segment, key.slice(key.lastIndexOf('/') + 1)]),
      [[3, 1024n, '000000030000000000000400-high-water.json']],
    );
  });

  it('that cannot be written, or not in time, is a warning, and the others are written', async () => {
    const denied = await makeRepository({ name: 'denied' });
    const put = () => Promise.reject(new StoreError('denied', 'no right to write notes'));
    const hanging = await makeRepository({ name: 'hanging' });
    const never = () => new Promise<never>(() => undefined);
    const good = await makeRepository({ name: 'good' });
    const events: Words[] = [];
    await note(
      [
        { ...denied, store: overrideStore(denied.store, { put }) },
        { ...hanging, store: overrideStore(hanging.store, { put: never }) },
        good,
      ],
      events,
      AbortSignal.timeout(300),
    );
    assert.equal((await surveySystem(good, system, signal).highWater(geometry)).length, 1);
    assert.deepEqual(
      events.map(({ level, message }) => `${level} ${/"\w+"/.exec(message)?.[0]}`),
      ['warn "denied"', 'warn "hanging"'],
    );
    assert.match(events[0]?.message ?? '', /does not note how far it is archived: no right to write notes/);
  });
});
