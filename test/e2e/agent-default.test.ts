/** An installation in which nobody has set anything about agents, as README has it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { it } from 'vitest';
import { readAgent } from '../../src/entry/ask-agents.ts';
import { agentKey, agentsFor, defaultAgentMode } from '../support/site/agents.ts';
import { backUp, restoreInto } from '../support/site/cycle.ts';
import { onExit } from '../support/site/on-exit.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { archiveEverything, commitRows, createSite, outcomeOf, rowsOf, until } from '../support/site/site.ts';
import { unprivilegedIds } from '../support/site/unprivileged.ts';

it('has an agent for its archiver and for its recovery, and nothing of them after the servers have stopped', async () => {
  const site = await createSite();
  await using origin = await site.startOrigin({ env: defaultAgentMode });
  onExit(() => killAgentsFor(origin));
  await commitRows(origin, 1, 2);
  await archiveEverything(origin);
  await until('the first push has started one', () => agentFiles(origin).length === 1);
  const started = agentsFor(origin.dataDirectory);
  assert.equal(started.length, 1);
  await commitRows(origin, 3, 8);
  await archiveEverything(origin);
  await backUp(site, origin);
  await commitRows(origin, 9, 16);
  await archiveEverything(origin);
  assert.deepEqual(agentsFor(origin.dataDirectory), started, 'the same one all along');
  const status = await site.walvault(['agent', 'status', '-D', origin.dataDirectory], {
    env: defaultAgentMode,
  });
  assert.match(status.stdout, new RegExp(`process ${started[0]}.*\n +[1-9]\\d* sent, 0 attempts failed`));
  // As this process, which may be root: `walvault status` asks the agent of the server's user.
  const { configPath } = site;
  const context = { env: process.env, signal: AbortSignal.timeout(10_000) };
  const report = await readAgent({ configPath, dataDirectory: origin.dataDirectory, context });
  assert.equal(report.kind === 'running' && report.status.pid, started[0]);
  assert.doesNotMatch(origin.log(), /walvault:/);
  await origin.stop();
  await assertNothingIsLeft(origin);
  assert.equal(
    (await readAgent({ configPath, dataDirectory: origin.dataDirectory, context })).kind,
    'absent',
  );

  const directory = await restoreInto(site, []);
  await using copy = await startPostgres({
    dataDirectory: directory,
    start: false,
    env: { ...site.readerEnv, ...defaultAgentMode },
  });
  onExit(() => killAgentsFor(copy));
  await copy.start({ until: 'spawned' });
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.deepEqual((await rowsOf(copy)).length, 16);
  assert.equal(agentsFor(copy.dataDirectory).length, 1, copy.logTail());
  await copy.stop();
  await assertNothingIsLeft(copy);

  /** By the rule of `agent/client/address.ts`, in the directory that all agents of this user share. */
  function agentFiles({ dataDirectory }: PostgresServer): string[] {
    const shared = `/tmp/walvault-${unprivilegedIds().uid ?? process.getuid?.()}`;
    const key = agentKey(dataDirectory, site.configPath);
    return existsSync(shared) ? readdirSync(shared).filter(name => name.startsWith(key)) : [];
  }

  async function assertNothingIsLeft(server: PostgresServer): Promise<void> {
    await until('the agent has left', () => agentsFor(server.dataDirectory).length === 0, 60_000);
    assert.deepEqual(agentFiles(server), []);
    assert.ok(!readdirSync(`${server.dataDirectory}/pg_wal`).some(name => name.includes('walvault')));
  }
});

function killAgentsFor({ dataDirectory }: PostgresServer): void {
  for (const pid of agentsFor(dataDirectory)) process.kill(pid, 'SIGKILL');
}
