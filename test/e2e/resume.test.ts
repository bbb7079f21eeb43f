/** A backup that is killed, on a host with public keys only: the next run goes on from what was finished. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { isUsedBy } from '../../src/operations/backup/resume/choose-place.ts';
import { decodeBackupRecord } from '../../src/repository/format/backup-record-json.ts';
import { outcomeOf, createSite, until, type Site } from '../support/site/site.ts';
import { newDirectory, restoreInto, startCopy, verifyWithPostgres } from '../support/site/cycle.ts';
import { runWalvault } from '../support/site/walvault.ts';
import { bareEnvironment, type RunResult } from '../support/site/run.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { startFilledOrigin } from '../support/torture/filled-origin.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

interface Shown {
  readonly record: {
    readonly id: string;
    readonly parts: readonly { readonly name: string; readonly storedSizeBytes: number }[];
    readonly resumed?: {
      readonly attempt: number;
      readonly partCount: number;
      readonly storedSizeBytes: number;
    };
  };
  readonly traffic: readonly { readonly sentBytes: number }[];
}

describe('a backup that was killed, on a host that cannot read the archive', () => {
  let site: Site;
  let server: PostgresServer;
  let backups: string;
  let killed: string;

  const backup = (
    onStart?: (child: { kill(signal: NodeJS.Signals): void }) => void,
    config = site.configPath,
  ) =>
    runWalvault(['backup', '--fast', '--jobs', '2', '--json'], {
      config,
      env: { ...bareEnvironment, ...server.env, WALVAULT_BACKUP_PART_SIZE: '1MiB' },
      timeoutMs: 180_000,
      ...(onStart && { onStart }),
    });
  const idsIn = () => readdirSync(backups).filter(name => name.includes('-full-'));
  const indexesOf = (id: string) =>
    readdirSync(backups + id).includes('index')
      ? readdirSync(join(backups, id, 'index')).filter(name => name.endsWith('.sealed'))
      : [];
  const shownBy = ({ exitCode, stdout, stderr }: RunResult) => {
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as Shown;
  };

  beforeAll(async () => {
    site = await createSite();
    const origin = await startFilledOrigin(site, 8);
    server = origin.server;
    backups = join(site.repositoryPath, 'orders', String(origin.systemId), 'backups/');
    assert.doesNotMatch(readFileSync(site.configPath, 'utf8'), /^private-keys/m);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('leaves finished parts, and nothing that counts as a backup', async () => {
    let kill: () => void = () => undefined;
    const running = backup(child => (kill = () => child.kill('SIGKILL')));
    await until('eight parts are finished', () => {
      const [id] = readdirSync(join(backups, '..')).includes('backups') ? idsIn() : [];
      killed = id ?? '';
      return id !== undefined && indexesOf(id).length >= 8;
    });
    kill();
    assert.equal((await running).signal, 'SIGKILL');
    const listed = await site.walvault(['list', 'backups']);
    assert.doesNotMatch(listed.stdout, /-full-/);
  });

  it('is begun anew where the host has no secret', async () => {
    const config = join(site.directory, 'without-secret.toml');
    const text = readFileSync(site.configPath, 'utf8').replace(/^host-secret = .*\n/m, '');
    writeFileSync(config, text, { mode: 0o600 });
    giveToUnprivileged(site.directory);
    const result = await backup(undefined, config);
    const { record } = shownBy(result);
    assert.notEqual(record.id, killed);
    assert.equal(record.resumed, undefined);
    assert.match(result.stderr, /this host has no secret of its own.*openssl rand -hex 32/s);
    assert.deepEqual(indexesOf(record.id), []);
  });

  it('is gone on with after a crash of the server and a change: what is unchanged is not stored again', async () => {
    await server.query("update filler set text = 'changed' where id = 1");
    await server.stop('kill');
    await server.start();
    const result = await backup();
    const { record, traffic } = shownBy(result);
    assert.equal(record.id, killed);
    assert.match(result.stderr, new RegExp(`attempt 2 of backup ${killed} goes on from \\d+ finished parts`));
    const { resumed } = record;
    assert.ok(
      resumed !== undefined && resumed.attempt === 2 && resumed.partCount >= 3,
      JSON.stringify(resumed),
    );
    const storedBytes = record.parts.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0);
    const sentBytes = traffic[0]?.sentBytes ?? Infinity;
    assert.ok(sentBytes < storedBytes, `${sentBytes} bytes sent, of a backup of ${storedBytes}`);
    const isOld = ({ name }: { readonly name: string }) => name < 'parts/1';
    assert.equal(record.parts.filter(isOld).length, resumed.partCount);
    assert.ok(record.parts.length > resumed.partCount, 'what has changed is written again');
  });

  it('has nothing left of the first attempt that it does not use', () => {
    const record = readFileSync(join(backups, '../catalog/backups', `${killed}.json`));
    const isUsed = isUsedBy(decodeBackupRecord(record, killed));
    const names = readdirSync(backups + killed, { recursive: true, encoding: 'utf8', withFileTypes: true })
      // Temporary files of the killed run are no objects; cleanup removes them.
      .filter(entry => entry.isFile() && !/^\.|\.meta$/.test(entry.name))
      .map(({ parentPath, name }) => join(parentPath, name).slice(backups.length + killed.length + 1));
    assert.deepEqual(
      names.filter(name => !isUsed(name)),
      [],
    );
  });

  it('is restored as the server was, and PostgreSQL finds every file right', async () => {
    const expected = await contentsOf(server);
    const directory = await restoreInto(site, ['--backup', killed], {
      directory: newDirectory(),
    });
    await verifyWithPostgres(server, directory);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.deepEqual(await contentsOf(copy), expected);
  });
});

async function contentsOf(server: PostgresServer): Promise<unknown> {
  const sums = "select count(*), md5(string_agg(id || text, ',' order by id)) from filler";
  return (await server.query(sums))[0];
}
