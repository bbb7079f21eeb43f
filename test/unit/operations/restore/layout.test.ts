/** The rights and the places of restored files, from a golden archive: no server is needed to see them. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { RestoreOptions } from '../../../../src/operations/restore/options.ts';
import { restore } from '../../../../src/operations/restore/restore.ts';
import { unpackPart } from '../../../../src/operations/restore/unpack-part.ts';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { plainCopy } from '../../../support/copy-choices.ts';
import { silentLog } from '../../../support/logs.ts';
import { makeRepository, signal } from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const golden = resolve(import.meta.dirname, '../../../golden/v1/plain/repository');

/** A restore of the newest backup, only to where it is consistent. */
async function restored(options: Partial<RestoreOptions> = {}): Promise<string> {
  const root = join(temporaryDirectory('repository', { keepOwner: true }), 'golden');
  cpSync(golden, root, { recursive: true });
  const repository = await makeRepository({ store: createFsStore({ root }), empty: true });
  const directory = join(temporaryDirectory('restored'), 'data');
  await restore({
    repositories: [repository],
    repositoryName: undefined,
    cluster: 'orders',
    systemId: undefined,
    verifySignatures: 'off',
    directory,
    request: { target: { kind: 'immediate' }, backupId: undefined, timeline: undefined },
    targetAction: 'promote',
    ...plainCopy,
    accessMode: undefined,
    walDirectory: undefined,
    prefetchBytes: 0,
    tablespaceMap: [],
    acceptsRecordedLocations: false,
    walvaultCommand: ['walvault'],
    configPath: undefined,
    dryRun: false,
    start: undefined,
    unpacker: { jobs: 2, unpack: unpackPart },
    thaw: undefined,
    replayHoldMs: 0,
    log: silentLog,
    signal,
    ...options,
  });
  return directory;
}

/** The modes of all files and of all directories, links left out. */
function modesOf(directory: string): { files: string[]; directories: string[] } {
  const modes = { files: new Set<string>(), directories: new Set<string>() };
  for (const path of ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })]) {
    const stats = lstatSync(join(directory, path));
    if (stats.isSymbolicLink()) continue;
    const kind = stats.isDirectory() ? modes.directories : modes.files;
    kind.add((stats.mode & 0o777).toString(8));
  }
  return { files: [...modes.files], directories: [...modes.directories] };
}

test('a standby is bound to no timeline, and a recovery to its own', async () => {
  const standby = await restored({ mode: 'standby', request: toTheEnd, targetAction: 'promote' });
  assert.match(settingsIn(standby), /^recovery_target_timeline = 'latest'$/m);
  assert.match(settingsIn(standby), /^restore_command = 'exec walvault fetch %f "%p"'$/m);
  assert.ok(existsSync(join(standby, 'standby.signal')) && !existsSync(join(standby, 'recovery.signal')));
  const recovery = await restored();
  assert.match(
    settingsIn(recovery),
    /^restore_command = 'exec walvault fetch --timeline (\d+) [^]*^recovery_target_timeline = '\1'$/m,
  );
  assert.ok(!existsSync(join(recovery, 'standby.signal')) && existsSync(join(recovery, 'recovery.signal')));
});

const toTheEnd = { target: { kind: 'end' }, backupId: undefined, timeline: 'latest' } as const;

function settingsIn(directory: string): string {
  return readFileSync(join(directory, 'postgresql.auto.conf'), 'utf8');
}

describe('a restored directory', () => {
  let before: number;
  beforeAll(() => {
    before = process.umask(0o077);
  });
  afterAll(() => {
    process.umask(before);
  });

  test("is its owner's alone, as its origin was", async () => {
    assert.deepEqual(modesOf(await restored()), { files: ['600'], directories: ['700'] });
  });

  test('can be read by its group, where that is asked for, whatever the umask', async () => {
    const directory = await restored({ accessMode: 0o750 });
    assert.deepEqual(modesOf(directory), { files: ['640'], directories: ['750'] });
  });

  test('has its pg_wal elsewhere, where that is asked for', async () => {
    const walDirectory = join(temporaryDirectory('wal'), 'pg_wal');
    const directory = await restored({ walDirectory, accessMode: 0o750 });
    assert.equal(readlinkSync(join(directory, 'pg_wal')), walDirectory);
    assert.deepEqual(readdirSync(walDirectory), ['archive_status']);
    assert.equal(statSync(walDirectory).mode & 0o777, 0o750);
  });

  test('is not made with a pg_wal in a place that is taken', async () => {
    const walDirectory = temporaryDirectory('wal');
    cpSync(join(golden, 'walvault.json'), join(walDirectory, 'precious'));
    await assert.rejects(restored({ walDirectory }), { code: 'destination', message: /precious is in it/ });
    await assert.rejects(restored({ walDirectory: 'relative' }), { code: 'usage' });
  });

  test('is not made where there is no space for the WAL of its recovery', async () => {
    // The file system of /sys has no space at all.
    await assert.rejects(restored({ walDirectory: '/sys/pg_wal' }), {
      code: 'destination',
      message: /the backup and its WAL need .* free/,
    });
  });
});
