/** The resident agent under a real archiver. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { agentPlace } from '../support/site/agents.ts';
import {
  archiveEverything,
  commitRows,
  createSite,
  isInRecovery,
  startRecovery,
  until,
  type Site,
} from '../support/site/site.ts';
import { assertNothingIsLeft, killAgentConf, killAgents } from '../support/torture/kill-agent.ts';

describe('the agent of an archiver', () => {
  it('holds nothing of the server, survives its own deaths, and leaves with the server', async () => {
    const site = await createSite();
    const place = agentPlace();
    const inherited = join(site.directory, 'inherited');
    await using server = await site.startOrigin({
      env: place.env,
      // As PostgreSQL leaves its log collector's pipe open: above 2, and not closed on exec.
      conf: { ...killAgentConf, archive_command: `'${site.command('push %p')} 7>>${inherited} 9>&7'` },
    });
    await commitRows(server, 1, 3);
    await archiveEverything(server);
    await until('one agent runs', () => place.pids().length === 1 && place.files().length === 1);
    await commitRows(server, 4, 8);
    await archiveEverything(server);
    const [pid = 0] = place.pids();
    const status = await site.walvault(['agent', 'status'], { env: place.env });
    assert.match(status.stdout, new RegExp(`process ${pid}.*\n.* [1-9]\\d* sent`));
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');
    const held = readdirSync(`/proc/${pid}/fd`).map(fd => readlinkOrGone(`/proc/${pid}/fd/${fd}`));
    const files = held.filter(path => path.startsWith('/') && path !== '/dev/null');
    assert.deepEqual(
      files.filter(path => !path.includes('/pg_wal/')),
      [],
      'files it holds open',
    );
    assert.equal(held.filter(path => path.startsWith('pipe:') && isPipeOf(server.pid, path)).length, 0);
    assert.equal(sessionOf(pid), pid);

    const { killedAgents } = await killAgents({ site, server, place }, { segments: 60, everyMs: 400 });
    assert.ok(killedAgents > 0);
    // A killed one leaves its socket, until there is a next one.
    let n = 100;
    await until('an agent runs again', async () => {
      await commitRows(server, ++n, n);
      return place.pids().length > 0;
    });
    await archiveEverything(server);
    await server.stop();
    await assertNothingIsLeft(place);
  });

  it('sends the history of a new timeline before its segments, and goes on across the promotion', async () => {
    const site = await createSite();
    const place = agentPlace({ WALVAULT_ARCHIVE_BATCH: 'on' });
    await using origin = await site.startOrigin({ env: place.env });
    await commitRows(origin, 1, 3);
    await archiveEverything(origin);
    await origin.stop();
    await using standby = await startRecovery(site, {
      from: origin.dataDirectory,
      mode: 'standby',
      env: place.env,
      conf: { archive_mode: 'on' },
    });
    await until('it accepts connections', async () => {
      return standby.query('select 1').then(
        () => true,
        () => false,
      );
    });
    await standby.query('select pg_promote()');
    await until('it is promoted', async () => !(await isInRecovery(standby)));
    await commitRows(standby, 4, 9);
    await archiveEverything(standby);
    const history = findStored(site, '00000002.history');
    const segments = storedNames(site).filter(name => /\/00000002[0-9A-F]{16}$/.test(name));
    assert.ok(history !== undefined && segments.length >= 6, segments.join());
    for (const segment of segments)
      assert.ok(modified(site, history) <= modified(site, segment), `${segment} before ${history}`);
    assert.doesNotMatch(standby.log(), /could not rename|archive command failed/);
    await standby.stop();
    await assertNothingIsLeft(place);
  });
});

function storedNames(site: Site): string[] {
  return readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' });
}

function findStored(site: Site, name: string): string | undefined {
  return storedNames(site).find(path => path.endsWith(`/${name}`));
}

function modified(site: Site, name: string): number {
  return statSync(join(site.repositoryPath, name)).ctimeMs;
}

function readlinkOrGone(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function isPipeOf(pid: number | undefined, pipe: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some(fd => readlinkOrGone(`/proc/${pid}/fd/${fd}`) === pipe);
}

/** proc(5), the sixth field of stat. */
function sessionOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[3]);
}
