import assert from 'node:assert/strict';
import { it } from 'vitest';
import { warnOfUndecidedRaces } from '../../../../src/operations/push/warn-of-races.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { wordsInto } from '../../../support/logs.ts';
import { makeRepository, overrideStore } from '../../../support/site/archive.ts';

it('a push warns of each store that cannot decide a race of two pushes, and of no other', async () => {
  const repository = await makeRepository();
  const capabilities = { ...repository.store.capabilities, conditionalCreate: 'none' as const };
  const said: Words[] = [];
  const undecided = { ...repository, name: 'old', store: overrideStore(repository.store, { capabilities }) };
  warnOfUndecidedRaces([repository, undecided], wordsInto(said));
  assert.deepEqual(
    said.map(({ level }) => level),
    ['warn'],
  );
  assert.match(said[0]?.message ?? '', /^repository "old" cannot create a file only if it is absent/);
});
