/** The resident agent under a real archiver. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { agentPlace } from '../harness/agents.ts';
import { archiveEverything, commitRows, createSite, until } from '../harness/site.ts';
import { Auditor } from '../soak/audit.ts';
import { useMemoryForScratch } from '../soak/scratch.ts';

useMemoryForScratch();
const signal = new AbortController().signal;

describe('the agent', () => {
  it('is started by a push, sends what the archiver asks for, and leaves with the server', async () => {
    const site = await createSite();
    const place = agentPlace();
    await using server = await site.startOrigin({ env: place.env });
    await commitRows(server, 1, 3);
    await archiveEverything(server);
    await until('an agent runs', () => place.files().some(name => name.endsWith('.sock')));
    await commitRows(server, 4, 12);
    await archiveEverything(server);
    const [pid, ...others] = place.pids();
    assert.ok(
      pid !== undefined && others.length === 0,
      `one agent, not ${place.pids().join(' ')}; ${place.files().join(' ')}`,
    );
    const status = await site.walvault(['agent', 'status'], { env: place.env });
    assert.match(status.stdout, new RegExp(`process ${pid}`));
    assert.doesNotMatch(status.stdout, / 0 sent/);
    const { systemId } = await readControlFile(server.dataDirectory, signal);
    assert.ok((await new Auditor(site, systemId).audit()).decoded >= 12);
    await server.stop();
    await until('the agent has left', () => place.pids().length === 0, 10_000);
    assert.deepEqual(place.files(), []);
    assert.doesNotMatch(server.log(), /walvault:|archive command/);
  });
});
