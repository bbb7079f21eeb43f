/** Which PostgreSQL system is restored where a cluster name has several. */
import assert from 'node:assert/strict';
import { it } from 'vitest';
import { chooseSystem } from '../../../../src/operations/restore/survey.ts';
import { commitRecordKey } from '../../../../src/repository/format/layout.ts';
import { backupId, commitBackup } from '../../../support/copied-repository.ts';
import { makeSignedArchive, plant } from '../../../support/hostile/archive.ts';
import { archiveSegment, signal, system } from '../../../support/site/archive.ts';

it('a backup that somebody has planted under another system makes nobody choose', async () => {
  const archive = await makeSignedArchive();
  const required = archive.as('require');
  await archiveSegment(required, 1, 4n);
  await commitBackup(required);
  const other = { ...system, systemId: system.systemId + 1n };
  const { body } = await required.store.get(commitRecordKey(system, backupId), { signal });
  const record = Buffer.concat(await Array.fromAsync(body)).toString();
  const theirs = record.replaceAll(String(system.systemId), String(other.systemId));
  await plant(required, commitRecordKey(other, backupId), theirs);
  const wanted = { systemId: undefined, backupId: undefined };
  const chosen = await chooseSystem(required, system.cluster, wanted, signal);
  assert.equal(chosen.system.systemId, system.systemId);
  await assert.rejects(chooseSystem(archive.as('off'), system.cluster, wanted, signal), {
    code: 'usage',
    message: /several PostgreSQL systems/,
  });
});
