/** Where no agent can start: push and fetch do the work themselves, and say so once. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { agentKey, agentPlace, type AgentPlace } from '../support/site/agents.ts';
import {
  archiveEverything,
  coldCopy,
  commitRows,
  createSite,
  outcomeOf,
  rowsOf,
  startRecovery,
  until,
  type Site,
} from '../support/site/site.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

interface Trouble {
  readonly what: string;
  readonly said: RegExp;
  /** Before the server starts. */
  make(place: AgentPlace, site: Site, dataDirectory: string): void;
}

const troubles: readonly Trouble[] = [
  {
    what: 'a directory that others may enter',
    said: /WARNING: no agent: .* is open to other users; pushes and fetches go on without it/g,
    make({ directory }) {
      mkdirSync(directory);
      chmodSync(directory, 0o755);
      giveToUnprivileged(directory);
    },
  },
  {
    what: 'something in the way of its socket',
    said: /WARNING: the agent could not start: /g,
    make({ directory }, { configPath }, dataDirectory) {
      const name = `${agentKey(dataDirectory, configPath)}.sock`;
      mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
      giveToUnprivileged(directory);
    },
  },
];

describe('without a way to start an agent', () => {
  for (const { what, said, make } of troubles)
    it(`for ${what}, archiving and recovery work, and it is said once`, async () => {
      const place = agentPlace();
      const site = await createSite();
      await using server = await site.startOrigin({ env: place.env, start: false });
      make(place, site, server.dataDirectory);
      await server.start();
      await commitRows(server, 1, 1);
      await server.stop();
      const base = coldCopy(server);
      await server.start();
      let n = 1;
      await until('it is said', async () => {
        n++;
        await commitRows(server, n, n);
        await archiveEverything(server);
        return server.log().search(said) !== -1;
      });
      await commitRows(server, n + 1, n + 4);
      await archiveEverything(server);
      await server.stop();
      assert.equal(server.log().match(said)?.length, 1, server.log());
      assert.doesNotMatch(server.log(), /archive command failed/);

      await using copy = await startRecovery(site, { from: base, mode: 'point-in-time', env: place.env });
      assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
      assert.equal((await rowsOf(copy)).length, n + 4);
      assert.ok((copy.log().match(said)?.length ?? 0) <= 1, copy.log());
      await copy.stop();
      await until('none is left', () => place.pids().length === 0, 60_000);
    });
});
