import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalGeometry } from '../../../../src/postgres/wal/geometry.ts';
import { RepositoryProofs } from '../../../../src/operations/push/repository-proofs.ts';
import type { ControlFile } from '../../../../src/postgres/cluster/control-file.ts';
import { makeRepository, overrideStore } from '../../../support/site/archive.ts';

const control = { systemId: 7n, geometry: new WalGeometry(16 * 1024 ** 2) } as ControlFile;

test('what was found out holds for a second, for this cluster and this repository', async () => {
  let nowMs = 0;
  const proofs = new RepositoryProofs(() => nowMs);
  const repository = await makeRepository();
  assert.equal(proofs.holdFor(repository, control), false);
  proofs.add(repository, control);
  nowMs = 999;
  assert.equal(proofs.holdFor(repository, control), true);
  assert.equal(proofs.holdFor({ ...repository, name: 'other' }, control), false);
  assert.equal(proofs.holdFor(repository, { ...control, systemId: 8n }), false);
  assert.equal(proofs.holdFor(repository, { ...control, geometry: new WalGeometry(1024 ** 2) }), false);
  nowMs = 1000;
  assert.equal(proofs.holdFor(repository, control), false);
});

test('nothing holds after a failure', async () => {
  const proofs = new RepositoryProofs(() => 0);
  const repository = await makeRepository();
  proofs.add(repository, control);
  proofs.clear();
  assert.equal(proofs.holdFor(repository, control), false);
});

test('a directory is looked at each time', async () => {
  const proofs = new RepositoryProofs(() => 0);
  const repository = await makeRepository();
  const store = overrideStore(repository.store, { makeDurable: () => Promise.resolve() });
  const directory = { ...repository, store };
  proofs.add(directory, control);
  assert.equal(proofs.holdFor(directory, control), false);
});
