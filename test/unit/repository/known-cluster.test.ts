import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { list } from '../../../src/operations/list/list.ts';
import { refuseUnknownCluster } from '../../../src/repository/known-cluster.ts';
import { StoreError } from '../../../src/stores/store.ts';
import { archiveSegment, makeRepository, overrideStore, signal } from '../../support/site/archive.ts';

describe('a cluster that no repository knows', () => {
  it('is an error with the name that was meant, of list too', async () => {
    const repository = await makeRepository({ name: 'main' });
    await archiveSegment(repository, 1, 1n);
    const listed = (cluster: string) => list({ repositories: [repository], cluster, what: 'all', signal });
    await assert.rejects(listed('ordres'), {
      code: 'not-found',
      message: /there is no cluster "ordres"/,
      hint: /Did you mean "orders"\?/,
    });
    await assert.rejects(listed('invoices'), { code: 'not-found', hint: /It holds "orders"\./ });
    assert.equal((await listed('orders'))[0]?.systems.length, 1);
  });

  it('is none where another repository has it, where all are new, or where looking is denied', async () => {
    const [full, empty] = [await makeRepository({ name: 'full' }), await makeRepository({ name: 'empty' })];
    await refuseUnknownCluster([empty], 'orders', signal);
    await archiveSegment(full, 1, 1n);
    await refuseUnknownCluster([empty, full], 'orders', signal);
    const confined = {
      ...full,
      store: overrideStore(full.store, {
        list(options) {
          if (options.prefix === '') throw new StoreError('denied', 'no');
          return full.store.list(options);
        },
      }),
    };
    await refuseUnknownCluster([confined], 'ordres', signal);
  });
});
