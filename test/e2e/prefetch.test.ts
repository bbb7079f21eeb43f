/** Recoveries whose segments the agent fetches ahead: the same answers as without it, and nothing left afterwards. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, it } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { walKey } from '../../src/repository/format/layout.ts';
import { agentPlace, type AgentPlace } from '../support/site/agents.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { copyDirectory } from '../support/site/copy-directory.ts';
import {
  archiveEverything,
  coldCopy,
  commitRows,
  createSite,
  hasOpenedTimeline,
  isInRecovery,
  outcomeOf,
  rowsOf,
  startRecovery,
  until,
  type Site,
} from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { walFile } from '../support/wal/wal.ts';

const signal = new AbortController().signal;
const rows = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** One origin with fourteen rows in as many archived segments of 1 MiB. */
describe('a recovery with prefetch', () => {
  let site: Site;
  let origin: PostgresServer;
  let base: string;
  let systemId: bigint;
  /** The segment that each row was committed in. */
  const names: string[] = [];
  const nameOf = (row: number) => names[row] ?? '';

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin({ env: agentPlace().env });
    await commitRows(origin, 1, 1);
    await origin.stop();
    base = coldCopy(origin);
    await origin.start();
    for (let row = 2; row <= 14; row++) {
      names[row] = await currentSegment(origin);
      await commitRows(origin, row, row);
    }
    await archiveEverything(origin);
    systemId = (await readControlFile(base, signal)).systemId;
  });

  it('takes segments from the agent, never what else lies in its directory, and leaves nothing', async () => {
    const place = agentPlace();
    // Under the names of genuine files, from a process that is dead, before the recovery begins…
    const littered = join(temporaryDirectory('littered'), 'data');
    copyDirectory(base, littered);
    const directory = join(littered, 'pg_wal/walvault.prefetch');
    mkdirSync(directory);
    writeFileSync(join(directory, 'owner'), '999999999 1\n');
    for (let row = 2; row <= 14; row++) writeFileSync(fileIn(directory, nameOf(row)), garbage);
    giveToUnprivileged(littered);
    const garbagePath = join(site.directory, 'garbage');
    writeFileSync(garbagePath, garbage);
    // …and in place of one that the agent has ready.
    const victim = fileIn('pg_wal/walvault.prefetch', nameOf(10));
    const spoil = `cp ${garbagePath} ${victim}.new && mv ${victim}.new ${victim}`;
    await using server = await startRecovery(site, {
      from: littered,
      mode: 'point-in-time',
      env: place.env,
      restoreCommand: [
        at(nameOf(4), waitFor(`ls ${place.directory}/*.sock`)),
        at(nameOf(8), `${waitFor(`test -e ${victim}`)}; ${spoil}`),
        site.command('fetch %f "%p"'),
      ].join('; '),
    });
    assert.equal(await outcomeOf(server), 'promoted', server.logTail());
    assert.deepEqual(await rowsOf(server), rows(1, 14));
    const { served } = await agentStatus(place, site);
    assert.ok(served >= 6, `${served} served\n${server.log()}`);
    assert.doesNotMatch(server.log(), /walvault:/);
    await until('the directory is gone', () => prefetchDirectories(server).length === 0, 60_000);
    await server.stop();
    await until('the agent has left', () => place.pids().length === 0, 60_000);
  });

  it('leaves nothing of an agent that was killed, though no other one is started', async () => {
    const left = join(temporaryDirectory('left'), 'data');
    copyDirectory(base, left);
    const directory = join(left, 'pg_wal/walvault.prefetch');
    mkdirSync(directory);
    writeFileSync(join(directory, 'owner'), `999999999 1 ${readlinkSync('/proc/self/ns/pid')}\n`);
    writeFileSync(fileIn(directory, nameOf(14)), garbage);
    giveToUnprivileged(left);
    await using server = await startRecovery(site, { from: left, mode: 'point-in-time' });
    assert.equal(await outcomeOf(server), 'promoted', server.logTail());
    assert.deepEqual(await rowsOf(server), rows(1, 14));
    assert.deepEqual(prefetchDirectories(server), []);
  });

  it('stops at a gap, at damage and in an outage with the documented statuses, and completes once repaired', async () => {
    const place = agentPlace();
    const hidden = `${site.repositoryPath}.unmounted`;
    const armed = join(site.directory, 'armed');
    const outage = `if [ -e ${armed} ]; then rm ${armed}; mv ${site.repositoryPath} ${hidden}; fi`;
    const pathOf = (row: number) =>
      join(site.repositoryPath, walKey({ cluster: 'orders', systemId }, walFile(nameOf(row))));
    const restoreCommand = [
      at(nameOf(4), waitFor(`ls ${place.directory}/*.sock`)),
      // Some are fetched ahead, and lie there before the trouble begins.
      at(nameOf(6), waitFor('ls pg_wal/walvault.prefetch/*0*')),
      at(nameOf(11), outage),
      site.command('fetch %f "%p"'),
    ].join('; ');
    let server: PostgresServer | undefined;
    const run = async () => {
      // What it has fetched and verified it would serve, whatever became of the archive since.
      await until('the agent has left', () => place.pids().length === 0, 60_000);
      if (server !== undefined) await server.start({ until: 'spawned' });
      server ??= await startRecovery(site, {
        from: base,
        mode: 'point-in-time',
        env: place.env,
        restoreCommand,
      });
      const outcome = await outcomeOf(server);
      return { outcome, server };
    };
    try {
      for (const [status, row, damage] of [
        [212, 8, (path: string) => rmSync(path)],
        [209, 10, flipByte],
      ] as const) {
        const path = pathOf(row);
        const whole = readFileSync(path);
        damage(path);
        const saidBefore = server?.log().length ?? 0;
        const { outcome, server: stopped } = await run().finally(() => writeFileSync(path, whole));
        const said = stopped.log().slice(saidBefore);
        assert.equal(outcome, 'exited', said);
        assert.match(
          said,
          new RegExp(`"${nameOf(row)}" from archive: child process exited with exit code ${status}`),
        );
        assert.match(said, new RegExp(`walvault: .*${nameOf(row)}`));
        assert.ok(!hasOpenedTimeline(stopped, 2));
      }
      writeFileSync(armed, '');
      const { outcome, server: stopped } = await run().finally(() => renameSync(hidden, site.repositoryPath));
      assert.equal(outcome, 'exited');
      assert.match(stopped.log(), /from archive: child process exited with exit code 207/);
      assert.ok(!hasOpenedTimeline(stopped, 2));

      const repaired = await run();
      assert.equal(repaired.outcome, 'promoted', repaired.server.logTail());
      assert.deepEqual(await rowsOf(repaired.server), rows(1, 14));
      assert.ok((await agentStatus(place, site)).served > 0);
    } finally {
      await server?.stop();
    }
  });

  it('follows a standby onto a new timeline, waits with it at the end of the archive, and ends with its promotion', async () => {
    const place = agentPlace();
    await using standby = await startRecovery(site, {
      from: base,
      mode: 'standby',
      env: place.env,
    });
    await caughtUp(standby, 14);
    const waiting = await agentStatus(place, site);

    await using successor = await startRecovery(site, {
      from: base,
      mode: 'point-in-time',
      conf: site.archiveConf,
      env: agentPlace().env,
    });
    assert.equal(await outcomeOf(successor), 'promoted', successor.logTail());
    await commitRows(successor, 15, 22);
    await archiveEverything(successor);
    await caughtUp(standby, 22);
    assert.match(standby.log(), /new target timeline is 2/);
    const followed = await agentStatus(place, site);
    assert.ok(followed.served > waiting.served, `${waiting.text}${followed.text}`);
    assert.equal(place.pids().length, 1);

    // The old primary goes on: its branch is not the one that is followed.
    await commitRows(origin, 101, 103);
    await archiveEverything(origin);
    await using late = await startRecovery(site, { from: base, mode: 'standby', env: agentPlace().env });
    await caughtUp(late, 22);
    assert.deepEqual(await rowsOf(late), rows(1, 22));

    await standby.query('select pg_promote(true, 60)');
    assert.deepEqual(await rowsOf(standby), rows(1, 22));
    await until('the directory is gone', () => prefetchDirectories(standby).length === 0, 60_000);
    for (const server of [standby, successor, late, origin]) await server.stop();
    await until('the agent has left', () => place.pids().length === 0, 60_000);
  });

  function fileIn(directory: string, name: string): string {
    return join(directory, `${systemId}.${name}`);
  }
});

const garbage = Buffer.alloc(1024 ** 2, 'junk');

/** A piece of restore_command for one segment. */
function at(name: string, command: string): string {
  return `if [ %f = ${name} ]; then ${command}; fi`;
}

function waitFor(condition: string): string {
  return `for i in $(seq 100); do ${condition} >/dev/null 2>&1 && break; sleep 0.05; done`;
}

async function currentSegment(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ name: string }>('select pg_walfile_name(pg_current_wal_lsn()) as name');
  return row?.name ?? '';
}

async function caughtUp(server: PostgresServer, last: number): Promise<void> {
  await until(
    `row ${last} is there`,
    async () => (await rowsOf(server).catch((): number[] => [])).includes(last),
    60_000,
  );
  assert.ok(await isInRecovery(server));
}

function prefetchDirectories(server: PostgresServer): string[] {
  return readdirSync(join(server.dataDirectory, 'pg_wal')).filter(name => name.includes('prefetch'));
}

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 0x10, bytes.length >> 1);
  writeFileSync(path, bytes);
}

async function agentStatus(place: AgentPlace, site: Site): Promise<{ served: number; text: string }> {
  const { stdout: text } = await site.walvault(['agent', 'status'], { env: place.env });
  return { served: Number(/(\d+) of them served/.exec(text)?.[1] ?? 0), text };
}
