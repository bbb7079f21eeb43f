/** `pg_ctl stop` and `restart`, with the log collector on: neither waits for an agent, whatever that does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { agentPlace, agentsFor } from '../support/site/agents.ts';
import { onExit } from '../support/site/on-exit.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { bareEnvironment, runOk } from '../support/site/run.ts';
import { archiveEverything, commitRows, createSite, until } from '../support/site/site.ts';
import { giveToUnprivileged, unprivilegedIds } from '../support/site/unprivileged.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';

it('the server and its log collector end while the agent is frozen, and the agent leaves once it is not', async () => {
  const agents = agentPlace();
  const site = await createSite({ agents });
  const frozen = join(site.directory, 'frozen');
  const wrapper = join(site.directory, 'archive');
  // Whichever push is the last: from then on the agent can do nothing, and nothing can be asked of it.
  const freeze = `[ ! -e ${frozen} ] || kill -STOP $(cat ${frozen})`;
  writeFileSync(wrapper, `#!/bin/sh\n${site.command('push "$1"')}\nstatus=$?\n${freeze}\nexit $status\n`);
  chmodSync(wrapper, 0o755);
  const server = await site.startOrigin({ start: false, conf: { archive_command: `'${wrapper} %p'` } });
  giveToUnprivileged(site.directory);
  const env = { ...bareEnvironment, ...site.readerEnv };
  const settings = [
    `port=${server.port}`,
    'listen_addresses=',
    `unix_socket_directories=${server.socketDirectory}`,
    'logging_collector=on',
  ].map(setting => `-c ${setting}`);
  const pgCtl = (...args: readonly string[]) =>
    runOk(join(server.binDir, 'pg_ctl'), [...args, '-w', '-D', server.dataDirectory], { env });
  const startArgs = ['-l', server.logPath, '-o', settings.join(' ')];
  await pgCtl('start', ...startArgs);
  onExit(() => {
    const args = ['stop', '-m', 'immediate', '-D', server.dataDirectory];
    spawnSync(join(server.binDir, 'pg_ctl'), args, { stdio: 'ignore', ...unprivilegedIds() });
  });
  const agent = () => agentsFor(server.dataDirectory);

  await commitRows(server, 1, 2);
  await archiveEverything(server);
  await until('an agent listens', () => agents.files().some(name => name.endsWith('.sock')));
  const [before = 0] = agent();
  await commitRows(server, 3, 4);
  await archiveEverything(server);
  await pgCtl('restart', '-m', 'fast', ...startArgs);
  await commitRows(server, 5, 6);
  await archiveEverything(server);
  await until('the agent of the first run has left', () => !agent().includes(before));
  await until('the second run has its own', async () => {
    await commitRows(server, 7 + n, 7 + n++);
    return agent().length === 1 && agents.files().some(name => name.endsWith('.sock'));
  });
  await archiveEverything(server);

  const [pid = 0] = agent();
  const collector = collectorOf(server);
  const pipes = linksOf(collector).filter(path => path.startsWith('pipe:'));
  assert.ok(pipes.length > 0);
  assert.deepEqual(
    linksOf(pid).filter(path => pipes.includes(path)),
    [],
    'it holds the pipe of the log',
  );
  writeFileSync(frozen, String(pid));
  // A server that stops archives what it has begun.
  await server.query('insert into committed values (-1)');
  try {
    await pgCtl('stop', '-m', 'fast');
    assert.equal(stateOf(pid), 'T', 'the agent is frozen');
    await until('the log collector has ended', () => !existsSync(`/proc/${collector}`), 60_000);
    assert.equal(stateOf(pid), 'T');
  } finally {
    rmSync(frozen);
    process.kill(pid, 'SIGCONT');
  }
  await assertNothingIsLeft(agents);
  const log = readdirSync(join(server.dataDirectory, 'log')).map(name =>
    readFileSync(join(server.dataDirectory, 'log', name), 'utf8'),
  );
  assert.match(log.join(''), /database system is shut down/);
  assert.doesNotMatch(log.join(''), /archive command failed/);
});

let n = 0;

/** PostgreSQL's `log/` is written by a child of the server that calls itself `logger`. */
function collectorOf(server: PostgresServer): number {
  const [postmaster = ''] = readFileSync(join(server.dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ');
  const found = children.find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('logger'));
  return Number(found);
}

function linksOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
}

/** proc(5), the third field of stat; T: stopped by a signal. */
function stateOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0];
}
