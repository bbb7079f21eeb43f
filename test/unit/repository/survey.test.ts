import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { plainCopy } from '../../support/copy-choices.ts';
import { silentLog } from '../../support/logs.ts';
import { cleanup } from '../../../src/operations/cleanup/cleanup.ts';
import { list } from '../../../src/operations/list/list.ts';
import { restore } from '../../../src/operations/restore/restore.ts';
import { unpackPart } from '../../../src/operations/restore/unpack-part.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { surveySystem } from '../../../src/repository/survey.ts';
import { backupId, makeSource, prefix } from '../../support/copied-repository.ts';
import { overrideStore, geometry, signal, system } from '../../support/site/archive.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

/** The same repository, and what was listed of it. */
async function recorded(): Promise<{ repository: Repository; listed: string[] }> {
  const source = await makeSource();
  const listed: string[] = [];
  const { store } = source;
  const repository: Repository = {
    ...source,
    store: overrideStore(store, {
      // So that `list` looks for archive tiers.
      thaw: () => Promise.resolve('readable'),
      list(options) {
        const { prefix: listedPrefix, startAfter = '', delimiter = '' } = options;
        listed.push(`${listedPrefix} ${startAfter} ${delimiter}`.trim());
        return store.list(options);
      },
    }),
  };
  return { repository, listed };
}

function assertOnce(listed: readonly string[], parts: readonly string[]): void {
  assert.deepEqual([...listed].sort(), [...new Set(listed)].sort(), 'nothing is listed twice');
  for (const part of parts) assert.ok(listed.includes(prefix + part), `${part} is listed`);
}

describe('a survey', () => {
  it('reads each part once, and only what is asked for', async () => {
    const { repository, listed } = await recorded();
    const survey = surveySystem(repository, system, signal);
    assert.deepEqual([...(await survey.pinned())], [backupId]);
    await Promise.all([survey.pinned(), survey.removedWal(geometry), survey.lostWal(geometry)]);
    assert.deepEqual(listed, [`${prefix}catalog/notes/`]);
    assert.equal(survey.catalog(), survey.catalog());
  });
});

describe('what is listed once, and no more', () => {
  const parts = ['wal/', 'timelines/', 'catalog/backups/', 'catalog/notes/'];

  it('by list', async () => {
    const { repository, listed } = await recorded();
    const [listing] = await list({ repositories: [repository], cluster: 'orders', what: 'all', signal });
    assert.equal(listing?.systems[0]?.backups?.length, 1);
    assertOnce(listed, [...parts, 'backups/']);
  });

  it('by a restore --dry-run', async () => {
    const { repository, listed } = await recorded();
    const { plan } = await restore({
      repositories: [repository],
      repositoryName: undefined,
      cluster: 'orders',
      systemId: undefined,
      verifySignatures: 'off',
      directory: join(temporaryDirectory('restore'), 'data'),
      request: { target: { kind: 'immediate' }, backupId: undefined, timeline: undefined },
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
      log: silentLog,
      signal,
    });
    assert.equal(plan.backup.id, backupId);
    assertOnce(listed, parts);
  });

  it('by a cleanup --dry-run', async () => {
    const { repository, listed } = await recorded();
    const { repositories } = await cleanup({
      repositories: [repository],
      cluster: 'orders',
      flags: { keepLast: 1 },
      configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
      isRetired: false,
      isDryRun: true,
      now: new Date(),
      log: silentLog,
      signal,
    });
    assert.deepEqual(repositories[0]?.failures, []);
    assertOnce(listed, [...parts, 'backups/']);
  });
});
