/** `pg_ctl stop` while the store takes connections and never answers. The tests wait most of their time, side by side. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'vitest';
import { agentPlace } from '../support/site/agents.ts';
import { onExit } from '../support/site/on-exit.ts';
import { bareEnvironment, runOk } from '../support/site/run.ts';
import { archiveEverything, commitRows, until } from '../support/site/site.ts';
import { createS3Site } from '../support/site/store-site.ts';
import { giveToUnprivileged, unprivilegedIds } from '../support/site/unprivileged.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';

for (const agents of [undefined, agentPlace({ WALVAULT_ARCHIVE_BATCH: 'true' })])
  it.concurrent(
    `ends within its 60 s, by push ${agents === undefined ? 'alone' : 'and agent with batches'}`,
    async () => {
      const { site, server: store, close } = await createS3Site();
      const env = { ...(agents?.env ?? { WALVAULT_AGENT_MODE: 'off' }) };
      await using server = await site.startOrigin({ start: false, env });
      giveToUnprivileged(site.directory);
      const pgCtl = (...args: readonly string[]) =>
        runOk(join(server.binDir, 'pg_ctl'), [...args, '-w', '-D', server.dataDirectory], {
          env: { ...bareEnvironment, ...site.readerEnv, ...env },
          timeoutMs: 120_000,
        });
      const settings = `-c port=${server.port} -c listen_addresses= -c unix_socket_directories=${server.socketDirectory}`;
      try {
        await pgCtl('start', '-l', server.logPath, '-o', settings);
        onExit(() => {
          const args = ['stop', '-m', 'immediate', '-D', server.dataDirectory];
          spawnSync(join(server.binDir, 'pg_ctl'), args, { stdio: 'ignore', ...unprivilegedIds() });
        });
        await commitRows(server, 1, 2);
        await archiveEverything(server);
        if (agents !== undefined)
          await until('an agent listens', () => agents.files().some(name => name.endsWith('.sock')));
        store.faults.inject({ times: 10_000, effect: { kind: 'stall' } });
        await commitRows(server, 3, 6);
        // pg_ctl itself fails after its 60 s.
        await pgCtl('stop', '-m', 'fast');
        assert.match(server.log(), /the server is stopping, and there was no answer/);
        assert.match(server.log(), /archive command failed with exit code 1\n/);
        assert.match(server.log(), /database system is shut down/);
      } finally {
        await close();
        if (agents !== undefined) await assertNothingIsLeft(agents);
      }
    },
  );
