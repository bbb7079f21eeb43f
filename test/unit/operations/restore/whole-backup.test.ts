import assert from 'node:assert/strict';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { restore } from '../../../../src/operations/restore/restore.ts';
import { unpackPart } from '../../../../src/operations/restore/unpack-part.ts';
import type { RestoreRequest } from '../../../../src/operations/restore/request.ts';
import { backupPrefix } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import type { Words } from '../../../../src/observe/words/table.ts';
import { backupId, commitBackup, makeSource, partKey } from '../../../support/copied-repository.ts';
import { wordsInto } from '../../../support/logs.ts';
import { signal, system } from '../../../support/site/archive.ts';
import { plainCopy } from '../../../support/copy-choices.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const newer = '20261123T020000Z-full-3f2a92';
let repository: Repository;
let events: Words[];

beforeEach(async () => {
  repository = await makeSource();
  await commitBackup(repository, { id: newer, from: 4n, to: 5n });
  events = [];
});

async function planned(request: Partial<RestoreRequest> = {}): Promise<string> {
  const { plan } = await restore({
    repositories: [repository],
    repositoryName: undefined,
    cluster: 'orders',
    systemId: undefined,
    verifySignatures: 'off',
    directory: join(temporaryDirectory('restore'), 'data'),
    request: { target: { kind: 'immediate' }, backupId: undefined, timeline: undefined, ...request },
    targetAction: 'promote',
    ...plainCopy,
    accessMode: undefined,
    walDirectory: undefined,
    prefetchBytes: 0,
    tablespaceMap: [],
    acceptsRecordedLocations: false,
    walvaultCommand: ['walvault'],
    configPath: undefined,
    dryRun: true,
    start: undefined,
    unpacker: { jobs: 2, unpack: unpackPart },
    thaw: undefined,
    replayHoldMs: 0,
    log: wordsInto(events),
    signal,
  });
  return plan.backup.id;
}

const remove = (key: string) => repository.store.delete([key], { signal });

describe('a plan, also of a dry run', () => {
  it('takes the newest backup when its objects are there', async () => {
    assert.equal(await planned(), newer);
  });

  it('leaves out a backup that lacks an object, and says so', async () => {
    await remove(`${backupPrefix(system, newer)}parts/000002.tar`);
    assert.equal(await planned(), backupId);
    assert.match(
      events.map(({ message }) => message).join('\n'),
      new RegExp(`backup ${newer} is left out: parts/000002.tar is missing`),
    );
  });

  it('does without the name map', async () => {
    await remove(`${backupPrefix(system, newer)}names.ndjson`);
    assert.equal(await planned(), newer);
  });

  it('refuses the backup that was asked for, and the last one', async () => {
    await remove(`${backupPrefix(system, newer)}manifest.ndjson`);
    const missing = /manifest.ndjson is missing/;
    await assert.rejects(planned({ backupId: newer }), { code: 'damaged', message: missing });
    await remove(partKey(1));
    await remove(partKey(2));
    const both = /parts\/000001.tar is missing, the first of 2 objects/;
    await assert.rejects(planned(), { code: 'damaged', message: both });
  });

  it('refuses an object of another size', async () => {
    await remove(partKey(1));
    await repository.store.put(partKey(1), [Buffer.from('o')], {
      ifAbsent: true,
      objectClass: 'backup',
      signal,
    });
    const message = /parts\/000001.tar has 1 bytes and was stored with 3/;
    await assert.rejects(planned({ backupId }), { code: 'damaged', message });
  });
});
