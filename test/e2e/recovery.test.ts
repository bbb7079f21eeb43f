/**
 * What PostgreSQL does with the answers of `fetch`: every row of the table in docs/exit-codes.md with live servers.
 * None of these may end in a promoted server that lost committed rows.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { agentPlace, servedBy, type AgentPlace } from '../support/site/agents.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';
import { restoreCommandOf } from '../../src/operations/restore/restore-command.ts';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { walKey } from '../../src/repository/format/layout.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
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
import { makeSegment, walFile } from '../support/wal/wal.ts';
import { walvaultExecutable } from '../support/site/walvault.ts';

const signal = new AbortController().signal;
const lastRow = 6;
const rows = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

for (const agents of [undefined, agentPlace()])
  describe(`a recovery to the end of the archive, ${agents ? 'with an agent' : 'without an agent'}`, () =>
    defineCases(agents));

/** One origin with six rows in as many archived segments; each case damages the archive and repairs it again. */
function defineCases(agents: AgentPlace | undefined): void {
  let site: Site;
  let base: string;
  let baseWithWal: string;
  let segmentPath: (name: string) => string;
  let middle: string;
  let systemId: bigint;

  beforeAll(async () => {
    site = await createSite({ agents });
    const origin = await site.startOrigin();
    await commitRows(origin, 1, 1);
    await origin.stop();
    base = coldCopy(origin);
    baseWithWal = coldCopy(origin, { withWal: true });
    await origin.start();
    await commitRows(origin, 2, 3);
    middle = await segmentOf(origin);
    await commitRows(origin, 4, lastRow);
    await archiveEverything(origin);
    await origin.stop();
    systemId = (await readControlFile(base, signal)).systemId;
    segmentPath = name => join(site.repositoryPath, walKey({ cluster: 'orders', systemId }, walFile(name)));
  });

  it('has all rows', async () => {
    await using server = await startRecovery(site, { from: base, mode: 'point-in-time' });
    assert.equal(await outcomeOf(server), 'promoted', server.logTail());
    assert.deepEqual(await rowsOf(server), rows(lastRow));
    if (agents !== undefined) assert.ok((await servedBy(site, server)) > 0, server.logTail());
  });

  for (const [what, damage] of [
    ['a missing middle segment', (path: string) => rmSync(path)],
    ['a truncated segment', (path: string) => truncateSync(path, 200)],
    ['an emptied segment', (path: string) => truncateSync(path, 0)],
    ['a flipped byte', flipByte],
  ] as const) {
    it(`stops at ${what} and completes once it is repaired`, async () => {
      const path = segmentPath(middle);
      const whole = readFileSync(path);
      damage(path);
      await using server = await startRecovery(site, { from: base, mode: 'point-in-time' });
      try {
        assert.equal(await outcomeOf(server), 'exited');
        assert.ok(!hasOpenedTimeline(server, 2));
        assert.match(server.log(), new RegExp(`walvault: .*${middle}`), server.logTail());
        assert.match(server.log(), /FATAL: {2}could not restore file/);
      } finally {
        writeFileSync(path, whole);
      }
      await server.start({ until: 'spawned' });
      assert.equal(await outcomeOf(server), 'promoted', server.logTail());
      assert.deepEqual(await rowsOf(server), rows(lastRow));
    });
  }

  it('stops at a segment of another cluster', async () => {
    const path = segmentPath(middle);
    const whole = readFileSync(path);
    const { timeline, log, seg } = walFile(middle) as { timeline: number; log: number; seg: number };
    const number = BigInt(log) * 4096n + BigInt(seg);
    writeFileSync(path, makeSegment({ timeline, number, systemId: 1234n, segmentSizeBytes: 1024 ** 2 }));
    const sidecars = setAsideSidecars(path);
    await using server = await startRecovery(site, {
      from: base,
      mode: 'point-in-time',
      // Else it is refused before that: nobody has signed it.
      env: { WALVAULT_SIGNING_VERIFY: 'off' },
    });
    try {
      assert.equal(await outcomeOf(server), 'exited');
      assert.match(server.log(), /system identifier 1234/);
      assert.ok(!hasOpenedTimeline(server, 2));
    } finally {
      writeFileSync(path, whole);
      sidecars.restore();
    }
  });

  it('survives an outage in its middle: nothing is promoted, and it completes when the store is back', async () => {
    const path = segmentPath(middle);
    const hidden = `${site.repositoryPath}.unmounted`;
    // The outage begins when the recovery reaches the middle: this restore_command unmounts the repository there.
    const command = `if [ %f = ${middle} ] && [ -d ${site.repositoryPath} ] && [ ! -e ${hidden}.once ]; then touch ${hidden}.once; mv ${site.repositoryPath} ${hidden}; fi; ${site.command('fetch %f "%p"')}`;
    await using server = await startRecovery(site, {
      from: base,
      mode: 'point-in-time',
      restoreCommand: command,
    });
    assert.equal(await outcomeOf(server), 'exited');
    assert.ok(!hasOpenedTimeline(server, 2), path);
    renameSync(hidden, site.repositoryPath);
    await server.start({ until: 'spawned' });
    assert.equal(await outcomeOf(server), 'promoted', server.logTail());
    assert.deepEqual(await rowsOf(server), rows(lastRow));
  });

  for (const [what, restoreCommand] of [
    ['changes its directory', () => `d=$(pwd); cd / && exec ${site.command('fetch %f "$d/%p"')}`],
    ['has options before the verb', () => `exec ${site.command('--timeline 1 fetch %f "%p"')}`],
    ['misspells the verb', () => `exec ${site.command('fecth %f "%p"')}`],
    ['forgets the verb', () => `exec ${walvaultExecutable()}`],
  ] as const)
    it(`is not ended early by an outage when restore_command ${what}`, async () => {
      const hidden = `${site.repositoryPath}.unmounted`;
      const armed = `${hidden}.${what.split(' ')[0] ?? ''}`;
      const outage = `if [ %f = ${middle} ] && [ ! -e ${armed} ]; then touch ${armed}; mv ${site.repositoryPath} ${hidden}; fi`;
      await using server = await startRecovery(site, {
        from: baseWithWal,
        mode: 'point-in-time',
        restoreCommand: `${outage}; ${restoreCommand()}`,
      });
      try {
        assert.equal(await outcomeOf(server), 'exited', server.logTail());
        assert.match(server.log(), /FATAL: {2}could not restore file/);
        assert.ok(!hasOpenedTimeline(server, 2));
      } finally {
        if (existsSync(hidden)) renameSync(hidden, site.repositoryPath);
      }
    });

  it('is not ended where no process can be started: what restore writes needs none but the first', async () => {
    const walvault = restoreCommandOf({
      walvaultCommand: [walvaultExecutable()],
      configPath: site.configPath,
      timeline: 1,
      hasTarget: false,
    });
    // dash has -p for what others call -u.
    const limit = '{ ulimit -p 1 || ulimit -u 1; } 2>/dev/null';
    await using server = await startRecovery(site, {
      from: base,
      mode: 'point-in-time',
      restoreCommand: `if [ %f = ${middle} ]; then ${limit}; fi; ${walvault}`,
    });
    assert.equal(await outcomeOf(server), 'exited');
    assert.ok(!hasOpenedTimeline(server, 2));
    assert.match(server.log(), new RegExp(`could not restore file "${middle}"`), server.logTail());
  });

  it('takes an empty mount point for an outage', async () => {
    const hidden = `${site.repositoryPath}.unmounted`;
    renameSync(site.repositoryPath, hidden);
    mkdirSync(site.repositoryPath, { mode: 0o777 });
    await using server = await startRecovery(site, { from: base, mode: 'point-in-time' });
    try {
      assert.equal(await outcomeOf(server), 'exited');
      assert.match(server.log(), /walvault:/);
    } finally {
      rmSync(site.repositoryPath, { recursive: true });
      renameSync(hidden, site.repositoryPath);
    }
  });

  for (const [what, env] of [
    ['a bad configuration', { WALVAULT_COMPRESSION_LEVEL: 'eleven' }],
    ['a missing configuration file', { WALVAULT_CONFIG: '/nonexistent.toml' }],
    ['a private key that does not fit', { WALVAULT_ENCRYPTION_PRIVATE_KEYS: '' }],
    ['an inherited NODE_OPTIONS', { NODE_OPTIONS: '--no-such-option', WALVAULT_COMPRESSION_LEVEL: 'eleven' }],
  ] as const) {
    it(`is not ended by ${what}`, async () => {
      const restoreCommand = what.includes('missing')
        ? site.command('fetch %f "%p"').replace(site.configPath, '/nonexistent.toml')
        : site.command('fetch %f "%p"');
      await using server = await startRecovery(site, {
        from: base,
        mode: 'point-in-time',
        env,
        restoreCommand,
      });
      assert.equal(await outcomeOf(server), 'exited');
      assert.ok(!hasOpenedTimeline(server, 2));
      assert.match(server.log(), /walvault: /, server.logTail());
    });
  }

  it('answers SIGTERM inside fetch as PostgreSQL expects: the server stops, nothing is promoted', async () => {
    const path = segmentPath(middle);
    const whole = readFileSync(path);
    rmSync(path);
    await using server = await startRecovery(site, {
      from: base,
      mode: 'point-in-time',
      env: { WALVAULT_FETCH_TIMEOUT: '60s' },
    });
    try {
      await until('fetch waits for the missing segment', () => fetchOf(site, middle) !== undefined);
      const stopped = await server.stop('fast');
      assert.equal(stopped?.signal, null, server.logTail());
      assert.ok(!hasOpenedTimeline(server, 2));
      await until('no fetch is left', () => fetchOf(site, middle) === undefined, 60_000);
    } finally {
      writeFileSync(path, whole);
    }
  });

  describe('on a standby', () => {
    for (const [what, damage] of [
      ['an outage', 'unmount'],
      ['a missing middle segment', 'remove'],
      ['a flipped byte', 'flip'],
    ] as const) {
      it(`${what} neither shuts it down nor promotes it, and it goes on afterwards`, async () => {
        const path = segmentPath(middle);
        const whole = readFileSync(path);
        const hidden = `${site.repositoryPath}.unmounted`;
        if (damage === 'unmount') renameSync(site.repositoryPath, hidden);
        else if (damage === 'remove') rmSync(path);
        else flipByte(path);
        await using server = await startRecovery(site, { from: base, mode: 'standby' });
        try {
          await until(
            'fetch has failed at least twice',
            () => (server.log().match(/walvault: /g) ?? []).length >= 2,
          );
          assert.notEqual(server.pid, undefined, server.logTail());
          assert.ok(await isInRecovery(server));
        } finally {
          if (damage === 'unmount') renameSync(hidden, site.repositoryPath);
          else writeFileSync(path, whole);
        }
        await until(
          'the standby has caught up',
          async () => (await rowsOf(server).catch(() => [])).length === lastRow,
        );
        assert.ok(await isInRecovery(server));
      });
    }
  });

  afterAll(async () => {
    if (agents !== undefined) await assertNothingIsLeft(agents);
    rmSync(site.directory, { recursive: true, force: true });
  });
}

async function segmentOf(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ name: string }>('select pg_walfile_name(pg_current_wal_lsn()) as name');
  return row?.name ?? '';
}

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 0x10, bytes.length >> 1);
  writeFileSync(path, bytes);
}

/** Metadata of the genuine object would expose a planted one by its digest before its header is looked at. */
function setAsideSidecars(path: string): { restore(): void } {
  const directory = dirname(path);
  const names = readdirSync(directory).filter(
    name => name.startsWith(`${basename(path)}.`) && name.endsWith('.meta'),
  );
  for (const name of names) renameSync(join(directory, name), join(directory, `.${name}.aside`));
  return {
    restore: () => {
      for (const name of names) renameSync(join(directory, `.${name}.aside`), join(directory, name));
    },
  };
}

/** Process id of a running `fetch` of this segment from this site: other tests have segments of the same name. */
function fetchOf({ configPath }: Site, name: string): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      if (words.includes('fetch') && words.includes(name) && words.includes(configPath)) return Number(entry);
    } catch {
      // It ended between the listing and the look.
    }
  }
  return undefined;
}
