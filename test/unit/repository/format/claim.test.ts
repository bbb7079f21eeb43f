import assert from 'node:assert/strict';
import { it } from 'vitest';
import { readParentClaim, writeClaim } from '../../../../src/repository/format/claim.ts';
import { attemptKey, claimKey } from '../../../../src/repository/format/layout.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';

const id = '20261122T020000Z-full-3f2a91';

it('a claim is taken once, and builds on nothing', async () => {
  const repository = await makeRepository();
  const claim = { id, attempt: 1, host: 'db1', pid: 7, startTime: new Date(0) };
  assert.equal(await writeClaim(repository, system, claim, signal), true);
  assert.equal(await writeClaim(repository, system, claim, signal), true, 'after a lost answer');
  assert.equal(await writeClaim(repository, system, { ...claim, pid: 8 }, signal), false);
  assert.deepEqual(await readParentClaim(repository, system, id, signal), { kind: 'none' });
  const second = { ...claim, attempt: 2 };
  assert.equal(await writeClaim(repository, system, second, signal), true, 'each attempt has its claim');
  assert.ok(await repository.store.head(attemptKey(system, id, 2), { signal }));
  assert.equal(await writeClaim(repository, system, { ...second, host: 'db2' }, signal), false);
});

it('a claim that is missing, damaged or of another kind may build on any backup', async () => {
  const unknown = { kind: 'unknown' };
  const repository = await makeRepository();
  assert.deepEqual(await readParentClaim(repository, system, id, signal), unknown);
  assert.deepEqual(await readParentClaim(repository, system, '../other', signal), unknown);
  for (const [text, found] of [
    ['{"parent":"p"}', { kind: 'named', parent: 'p' }],
    ['{"parent":null}', { kind: 'none' }],
    ['{"parent":7}', unknown],
    ['{"parent":', unknown],
    ['[]', unknown],
  ] as const) {
    await repository.store.put(claimKey(system, id), [Buffer.from(text)], {
      ifAbsent: false,
      objectClass: 'catalog',
      signal,
    });
    assert.deepEqual(await readParentClaim(repository, system, id, signal), found, text);
  }
});
