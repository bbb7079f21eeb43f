/** What cleanup announces is what it does, and what it keeps still restores. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import {
  archivedSegments,
  assertSound,
  backUp,
  restoreInto,
  startCopy,
  type TakenBackup,
} from '../support/site/cycle.ts';
import { atTerminal } from '../support/site/at-terminal.ts';
import { parseExposition } from '../support/exposition.ts';
import { violations, type Schema } from '../support/json-schema.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import {
  archiveEverything,
  commitRows,
  createSite,
  hasOpenedTimeline,
  outcomeOf,
  rowsOf,
  type Site,
} from '../support/site/site.ts';

interface StatusJson {
  readonly level: string;
  readonly findings: readonly { readonly code: string }[];
  readonly repositories: readonly {
    readonly windowCount: number;
    readonly backups: { readonly restorableCount: number };
    readonly restores: readonly { readonly backup: string; readonly stage: string }[];
  }[];
}

const rows = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('cleanup of three backups to one', () => {
  let site: Site;
  let origin: PostgresServer;
  const backups: TakenBackup[] = [];
  let firstSegment: string;
  let target: string;
  let begunBefore: string;
  let announced: CleanupJson;

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin();
    for (const last of [2, 4, 6]) {
      await commitRows(origin, last - 1, last);
      backups.push(await backUp(site, origin));
    }
    await commitRows(origin, 7, 8);
    const [row] = await origin.query<{ now: string }>('select clock_timestamp()::text as now');
    target = row?.now ?? '';
    await commitRows(origin, 9, 10);
    await archiveEverything(origin);
    begunBefore = await restoreInto(site, ['--backup', backups[0]?.id ?? '']);
    firstSegment = (await listed(site)).timelines[0]?.firstSegment ?? '';
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
  });

  it('lists all of them before', async () => {
    const { backups: ids, timelines } = await listed(site);
    assert.deepEqual(ids.toSorted(), backups.map(({ id }) => id).toSorted());
    assert.equal(timelines.length, 1);
    assert.deepEqual(timelines[0]?.holes, []);
    const { stdout } = await site.walvault(['list']);
    for (const { id } of backups) assert.match(stdout, new RegExp(`^${id}  full `, 'm'));
  });

  it('shows in four ways what can be recovered', async () => {
    const env = {
      ...origin.env,
      WALVAULT_STATUS_BACKUP_INTERVAL: '1d',
      WALVAULT_STATUS_PRICE_PER_GIB: '0.5',
    };
    const show = (...args: string[]) => site.walvault(['status', ...args], { env });
    const screen = await show();
    assert.match(screen.stdout, /^cluster \w+: \w+ at /);
    assert.match(screen.stdout, new RegExp(`backups     3; newest ${backups[2]?.id}, .*next due `));
    assert.match(screen.stdout, /server      primary of system \d+ on timeline 1 at /);
    const json = await show('--json');
    const schema = readFileSync(
      resolve(import.meta.dirname, '../../docs/reference/status.schema.json'),
      'utf8',
    );
    assert.deepEqual(violations(JSON.parse(json.stdout), JSON.parse(schema) as Schema), []);
    const { level, findings, repositories } = JSON.parse(json.stdout) as StatusJson;
    // The disk of the machine that tests may be nearly full.
    assert.ok(
      findings.every(({ code }) => code.endsWith('-disk')),
      json.stdout,
    );
    assert.deepEqual(
      repositories[0]?.restores.map(({ backup, stage }) => [backup, stage]),
      [[backups[0]?.id, 'replaying']],
    );
    assert.deepEqual([repositories[0]?.windowCount, repositories[0]?.backups.restorableCount], [1, 3]);
    const nagios = await show('--nagios');
    assert.match(nagios.stdout, /^WALVAULT \w+ - \w+: .* \| 'main_lag'=\d+s;900;3600;0 .*\n$/);
    assert.equal(nagios.exitCode, ['ok', 'warning', 'critical', 'unknown'].indexOf(level));
    const file = join(site.directory, 'walvault.prom');
    assert.equal((await show('--prometheus', '--output', file)).stdout, '');
    const metrics = parseExposition(readFileSync(file, 'utf8'));
    assert.equal(metrics.get('walvault_restorable_backups')?.samples[0]?.value, 3);
    assert.equal(metrics.get('walvault_server_up')?.samples[0]?.value, 1);
    assert.deepEqual(
      readdirSync(site.directory).filter(name => name.includes('.tmp')),
      [],
    );
  });

  it('says what it could not look at, and shows the rest', async () => {
    const env = { PGHOST: '/nonexistent', WALVAULT_REPOSITORY_GONE_URL: 'file:///nonexistent/archive' };
    const { exitCode, stdout } = await site.walvault(['status'], { env });
    assert.ok([errorCodes.unreachable, errorCodes['check-failed']].includes(exitCode as 5), stdout);
    assert.match(stdout, /UNKNOWN {2}server: cannot be asked: /);
    assert.match(stdout, /UNKNOWN {2}repository "gone": cannot be read: /);
    assert.match(stdout, new RegExp(`newest ${backups[2]?.id}`));
    const alone = await site.walvault(['status', '--nagios', '--no-postgres', '--repository', 'gone'], {
      env,
    });
    assert.match(alone.stdout, /^WALVAULT UNKNOWN - /);
    assert.equal(alone.exitCode, 3);
  });

  it('removes nothing that a restored copy still replays, and all of it when its claim has ended', async () => {
    const id = backups[0]?.id ?? '';
    const before = systemOf(await cleanUp(site, ['--keep-last', '1', '--dry-run']));
    assert.ok(!before.removed.backups.includes(id));
    const [held] = before.backups.filter(backup => backup.id === id);
    assert.deepEqual(codesOf(held), ['restoring']);
    assert.match(held?.reasons[0]?.text ?? '', /replaying, held until/);
    assert.ok(before.wal.some(range => range.action === 'keep' && codesOf(range).includes('restoring')));
    rmSync(begunBefore, { recursive: true });
    await restoreInto(site, ['--backup', id, '--hold-for', '0s'], { directory: begunBefore });
  });

  it('changes nothing in a dry run', async () => {
    const before = objectsOf(site);
    announced = await cleanUp(site, ['--keep-last', '1', '--dry-run']);
    assert.deepEqual(objectsOf(site), before);
    assert.deepEqual(
      systemOf(announced).removed.backups.toSorted(),
      backups.slice(0, 2).map(({ id }) => id),
    );
  });

  it('keeps a pinned backup until it is unpinned', async () => {
    const [first, second] = backups.map(({ id }) => id);
    const pinned = await site.walvault(['pin', first ?? '', '--until', '2d', '--note', 'audit 2026']);
    assert.equal(pinned.exitCode, 0, pinned.stderr);
    const shown = await site.walvault(['list', 'backups', '--pinned']);
    assert.match(shown.stdout, new RegExp(`^backup ${first}: pinned by .* until .*: audit 2026 `, 'm'));
    const spared = await cleanUp(site, ['--keep-last', '1', '--dry-run']);
    assert.deepEqual(systemOf(spared).removed.backups, [second]);
    const refused = await site.walvault(['delete', first ?? '', '--yes']);
    assert.equal(refused.exitCode, errorCodes.refused);
    assert.match(refused.stderr, /stays: .*is pinned$/m);
    const unpinned = await site.walvault(['unpin', first ?? '']);
    assert.equal(unpinned.exitCode, 0, unpinned.stderr);
    assert.deepEqual(await cleanUp(site, ['--keep-last', '1', '--dry-run']), announced);
  });

  it('then does exactly what the dry run said', async () => {
    const done = await cleanUp(site, ['--keep-last', '1']);
    assert.deepEqual({ ...done, dryRun: true }, announced);
    const { backups: ids, timelines } = await listed(site);
    assert.deepEqual(ids, [backups[2]?.id]);
    const [timeline] = timelines;
    assert.ok(timeline !== undefined && timeline.firstSegment > firstSegment);
    assert.equal(archivedSegments(site)[0]?.slice(-24), timeline.firstSegment);
    assert.deepEqual(timeline.holes, []);
    const rests = objectsOf(site).filter(path =>
      backups.slice(0, 2).some(({ id }) => path.includes(`backups/${id}`)),
    );
    assert.deepEqual(rests, []);
  });

  it('leaves nothing to do for the next', async () => {
    const { removed } = systemOf(await cleanUp(site, ['--keep-last', '1']));
    assert.deepEqual([removed.backups, removed.objectCount], [[], 0]);
  });

  for (const { what, args, last } of [
    { what: 'the end', args: () => [], last: 10 },
    { what: 'a target', args: () => ['--target-time', target, '--target-action', 'promote'], last: 8 },
  ])
    it(`keeps what a restore to ${what} needs`, async () => {
      const directory = await restoreInto(site, [...args(), '--hold-for', '0s']);
      await using copy = await startCopy(site, directory);
      assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
      assert.deepEqual(await rowsOf(copy), rows(last));
      await assertSound(copy);
    });

  it('deletes the last backup only if told to', async () => {
    const id = backups[2]?.id ?? '';
    const asked = await site.walvault(['delete', id, '--allow-last-full']);
    assert.equal(asked.exitCode, errorCodes.refused, 'nobody is there to be asked');
    assert.match(asked.stderr, /^HINT: {2}Give --yes/m);
    const refused = await site.walvault(['delete', id, '--yes']);
    assert.match(refused.stderr, /no other whole full backup/);
    assert.match(
      refused.stdout,
      /^lost with it: recovery on timeline 1 to moments from .*where its WAL ends$/m,
    );
  });

  it('asks a person at a terminal for the id, and deletes nothing for another answer', async () => {
    const id = backups[2]?.id ?? '';
    const answering = (keys: string) =>
      atTerminal(site.command(`delete ${id} --allow-last-full`), { question, keys, env: site.readerEnv });
    const question = 'type the id of the backup: ';
    const interrupted = await answering('\x03');
    assert.equal(interrupted.exitCode, errorCodes.interrupted, interrupted.shown);
    assert.match(interrupted.shown, /^lost with it: recovery on timeline 1/m);
    assert.match(interrupted.shown, /^walvault: interrupted by SIGINT$/m);
    assert.equal(interrupted.shown.match(/interrupted/g)?.length, 1, interrupted.shown);
    const refused = await answering('yes\n');
    assert.equal(refused.exitCode, errorCodes.refused, refused.shown);
    assert.match(refused.shown, /^walvault: .*that is not the id, and nothing was deleted$/m);
    assert.deepEqual((await listed(site)).backups, [id]);
    const deleted = await answering(`${id}\n`);
    assert.equal(deleted.exitCode, 0, deleted.shown);
    assert.deepEqual((await listed(site)).backups, []);
  });

  it('tells who asks for what is gone', async () => {
    const restored = await site.walvault([
      'restore',
      join(site.directory, 'gone'),
      '--backup',
      backups[0]?.id ?? '',
    ]);
    assert.equal(restored.exitCode, errorCodes['not-found'], restored.stderr);
    const fetched = await site.walvault(['fetch', firstSegment, join(site.directory, 'gone')], {
      cwd: origin.dataDirectory,
    });
    assert.equal(fetched.exitCode, errorCodes['wal-missing'], fetched.stderr);
    assert.match(fetched.stderr, /^walvault: .*cleanup removed it$/m);
  });

  it('is no end of the archive to a recovery that began before', async () => {
    await using copy = await startCopy(site, begunBefore);
    assert.equal(await outcomeOf(copy), 'exited');
    assert.ok(!hasOpenedTimeline(copy, 2));
    assert.match(copy.log(), /^walvault: .*cleanup removed it$/m);
    assert.match(copy.log(), /FATAL: {2}could not restore file/);
  });

  it('is no end of the archive either when nothing later is there to show that there was more', async () => {
    for (const path of archivedSegments(site)) rmSync(join(site.repositoryPath, path));
    await using copy = await startCopy(site, begunBefore);
    assert.equal(await outcomeOf(copy), 'exited');
    assert.match(copy.log(), /^walvault: .*cleanup removed it$/m);
    assert.ok(!hasOpenedTimeline(copy, 2));
  });
});

interface CleanupJson {
  readonly dryRun: boolean;
  readonly repositories: readonly { readonly systems: readonly CleanedSystem[] }[];
}

interface Decided {
  readonly action: 'keep' | 'remove';
  readonly reasons: readonly { readonly code: string; readonly text: string }[];
}

interface CleanedSystem {
  readonly backups: readonly (Decided & { readonly id: string })[];
  readonly wal: readonly Decided[];
  readonly removed: { readonly backups: readonly string[]; readonly objectCount: number };
}

interface Listed {
  readonly backups: readonly string[];
  readonly timelines: readonly { readonly firstSegment: string; readonly holes: readonly unknown[] }[];
}

async function cleanUp(site: Site, args: readonly string[]): Promise<CleanupJson> {
  const { stdout, stderr, exitCode } = await site.walvault(['cleanup', '--json', ...args]);
  assert.equal(exitCode, 0, stderr);
  return JSON.parse(stdout) as CleanupJson;
}

function codesOf(decided: Decided | undefined): string[] {
  return decided?.reasons.map(({ code }) => code) ?? [];
}

function systemOf({ repositories }: CleanupJson): CleanedSystem {
  const system = repositories[0]?.systems[0];
  assert.ok(system);
  return system;
}

async function listed(site: Site): Promise<Listed> {
  const { stdout, stderr, exitCode } = await site.walvault(['list', '--json']);
  assert.equal(exitCode, 0, stderr);
  const [repository] = JSON.parse(stdout) as {
    systems: { backups: { id: string }[]; timelines: Listed['timelines'] }[];
  }[];
  const [system] = repository?.systems ?? [];
  return { backups: system?.backups.map(({ id }) => id) ?? [], timelines: system?.timelines ?? [] };
}

function objectsOf(site: Site): string[] {
  return readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' }).toSorted();
}
