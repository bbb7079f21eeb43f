/** An agent whose store has stopped answering. */
import { it } from 'vitest';
import { agentPlace } from '../support/site/agents.ts';
import { archiveEverything, commitRows, until } from '../support/site/site.ts';
import { createS3Site } from '../support/site/store-site.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';

it('leaves with its server, whatever is still on its way', async () => {
  const place = agentPlace({ WALVAULT_ARCHIVE_TIMEOUT: '10min', WALVAULT_STORE_REQUEST_TIMEOUT: '10min' });
  const { site, server: store, close } = await createS3Site();
  await using server = await site.startOrigin({ env: place.env });
  try {
    await commitRows(server, 1, 3);
    await archiveEverything(server);
    await until('an agent listens', () => place.files().some(name => name.endsWith('.sock')));
    await commitRows(server, 4, 5);
    await archiveEverything(server);
    store.faults.inject({ method: 'PUT', times: 1000, effect: { kind: 'stall' } });
    await commitRows(server, 6, 9);
    await until('segments are on their way', async () => {
      const { stdout } = await site.walvault(['agent', 'status'], { env: place.env });
      return /sending now: 0000/.test(stdout);
    });
    await server.stop('immediate');
    await assertNothingIsLeft(place);
  } finally {
    await close();
  }
});
