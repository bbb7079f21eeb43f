import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { wordsInto } from '../../../support/logs.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { removeObjects } from '../../../../src/operations/store/change-objects.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { makeRepository, overrideStore, signal } from '../../../support/site/archive.ts';

describe('removing objects by hand', () => {
  it('says of each that stays why, and until when the last lock holds', async () => {
    const [sooner, later] = [new Date('2100-01-01T00:00:00Z'), new Date('2101-01-01T00:00:00Z')];
    const refusal = (key: string, lockedUntil?: Date) => ({
      key,
      error: new StoreError('denied', `delete ${key}: no`, { lockedUntil }),
    });
    const store = overrideStore(createMemoryStore(), {
      delete: async () => [refusal('a', sooner), refusal('b', later), refusal('c')],
    });
    const repository = await makeRepository({ store, empty: true });
    const events: Words[] = [];
    const log = wordsInto(events);
    const remaining = await removeObjects(['a', 'b', 'c', 'd'], { repository, isForced: false, log, signal });
    assert.deepEqual(remaining, { count: 3, lockedCount: 2, lockedUntil: later });
    assert.deepEqual(
      events.map(({ message }) => message),
      ['delete a: no', 'delete b: no', 'delete c: no'],
    );
  });
});
