import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { list } from '../../../../src/operations/list/list.ts';
import { listJson } from '../../../../src/cli/render/list-json.ts';
import { renderList } from '../../../../src/cli/render/list.ts';
import { createUnopenedStore } from '../../../../src/stores/driver-kit/unopened-store.ts';
import { archiveFile, archiveSegment, makeRepository, signal } from '../../../support/site/archive.ts';

const listAll = (repositories: Parameters<typeof list>[0]['repositories'], only?: string) =>
  list({ repositories, cluster: 'orders', what: 'all', signal, only });

describe('what a best-effort repository lacks', () => {
  test('holes, what came after its last segment, and histories; nothing of what it has alone', async () => {
    const main = await makeRepository({ name: 'main' });
    const offsite = await makeRepository({ name: 'offsite', required: false });
    for (let number = 1n; number <= 9n; number++) {
      await archiveSegment(main, 1, number);
      if (![3n, 4n, 9n].includes(number)) await archiveSegment(offsite, 1, number);
    }
    await archiveSegment(offsite, 1, 20n);
    await archiveFile(main, '00000002.history', '1\t0/900000\tpromoted\n');
    const [required, bestEffort] = await listAll([main, offsite]);
    assert.equal(required?.backlog, undefined);
    assert.deepEqual(bestEffort?.backlog, {
      comparedWith: ['main'],
      systems: [
        {
          systemId: 7_300_000_000_000_000_001n,
          backups: [],
          histories: [2],
          wal: [
            {
              firstSegment: '000000010000000000000003',
              lastSegment: '000000010000000000000004',
              segmentCount: 2,
            },
            {
              firstSegment: '000000010000000000000009',
              lastSegment: '000000010000000000000009',
              segmentCount: 1,
            },
          ],
        },
      ],
    });
    const text = renderList(await listAll([main, offsite], 'offsite'));
    assert.match(text, /^repository "offsite" .*best effort\n/);
    assert.match(text, /lacks of what "main" holds:\n/);
    assert.match(text, /WAL 000000010000000000000003\.\.000000010000000000000004 \(2 segments\)/);
    const json = JSON.stringify(listJson(await listAll([main, offsite])), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    assert.match(json, /"required":false,"backlog":\{"comparedWith":\["main"\]/);
  });

  test('nothing is said to be lacking where nothing can be compared, and that is said', async () => {
    const lost = {
      ...(await makeRepository({ name: 'main' })),
      store: createUnopenedStore('s3://b', new Error('gone')),
    };
    const offsite = await makeRepository({ name: 'offsite', required: false });
    const listings = await listAll([lost, offsite]);
    assert.equal(listings[1]?.backlog, undefined);
    assert.match(renderList(listings), /what it lacks is not known/);
    const main = await makeRepository({ name: 'main' });
    assert.match(renderList(await listAll([main, offsite])), /lacks nothing that "main" holds/);
  });
});
