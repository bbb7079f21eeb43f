import assert from 'node:assert/strict';
import {
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { WalvaultError } from '../../src/base/errors/errors.ts';
import { backupPrefix, commitRecordKey, signatureKey, walKey } from '../../src/repository/format/layout.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';
import { parseWalFileName } from '../../src/postgres/wal/file-name.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { run } from '../support/site/run.ts';
import { archiveEverything, commitRows, createSite, type Site } from '../support/site/site.ts';
import { newDirectory, restoreFrom, takeBackup } from '../support/site/restore-fixtures.ts';
import { verifyWithPostgres } from '../support/site/cycle.ts';

describe('a restore that cannot succeed leaves nothing PostgreSQL would start from', () => {
  let site: Site;
  let origin: PostgresServer;
  let record: BackupRecord;
  const system = () => ({ cluster: 'orders', systemId: record.systemId });
  const stored = (key: string) => join(site.repositoryPath, key);

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin();
    await origin.query('create table big as select g, md5(g::text) from generate_series(1, 50000) g');
    await commitRows(origin, 1, 3);
    record = await takeBackup(site, origin);
    await commitRows(origin, 4, 5);
    await archiveEverything(origin);
    await origin.stop();
  });
  afterAll(async () => {
    await origin.stop('immediate');
  });

  const part = (index: number) => `${backupPrefix(system(), record.id)}${[...record.parts].at(index)?.name}`;
  const manifest = () => `${backupPrefix(system(), record.id)}${record.manifest.name}`;
  const recordKey = () => commitRecordKey(system(), record.id);

  const truncate = (path: string) => truncateSync(path, Math.floor(readFileSync(path).length / 2));
  const flip = (path: string) => {
    const data = readFileSync(path);
    const at = Math.floor(data.length / 2);
    data[at] = (data[at] ?? 0) ^ 0x10;
    writeFileSync(path, data);
  };
  const append = (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')]));

  for (const [name, key, damage, says] of [
    ['the first part is cut', () => part(0), truncate, /parts\/000001/],
    ['a byte of the first part is flipped', () => part(0), flip, /parts\/000001/],
    ['a byte of a middle part is flipped', () => part(2), flip, /parts\/000003/],
    ['the last part goes on', () => part(-1), append, /parts\//],
    ['a part is missing', () => part(1), (path: string) => rmSync(path), /parts\/000002.*missing/],
    ['a byte of the manifest is flipped', manifest, flip, /manifest/],
    ['the manifest is missing', manifest, (path: string) => rmSync(path), /manifest.*missing/],
    [
      'the commit record was changed',
      recordKey,
      (path: string) => change(path, '"label"', '"lab3l"'),
      /no backup can be used/,
    ],
    [
      'the commit record says other sizes',
      recordKey,
      (path: string) => change(path, '"fileCount": ', '"fileCount": 1'),
      /no backup can be used.*bad signature/,
    ],
    [
      'the signature of the commit record is missing',
      () => signatureKey(recordKey()),
      (path: string) => rmSync(path),
      /not signed/,
    ],
  ] as const)
    test(name, async () => {
      const directory = newDirectory();
      const path = stored(key());
      const original = readFileSync(path);
      const aside = join(site.directory, 'aside');
      renameSync(path, aside);
      writeFileSync(path, original, { mode: 0o666 });
      try {
        damage(path);
        await assert.rejects(
          restoreFrom(site, { directory, overrides: { verifySignatures: 'require' } }),
          (error: WalvaultError) => {
            assert.equal(error.code, 'damaged', error.message);
            assert.match(error.message, says);
            return true;
          },
        );
        assert.ok(!existsSync(directory), 'what was written has been removed');
      } finally {
        renameSync(aside, path);
      }
    });

  test('a segment after the backup is missing', async () => {
    const number = record.geometry.segmentOf(record.stopLsn) + 1n;
    const file = parseWalFileName(record.geometry.nameOf(1, number));
    assert.ok(file !== undefined);
    const path = stored(walKey(system(), file));
    const aside = join(site.directory, 'aside');
    renameSync(path, aside);
    try {
      await assert.rejects(
        restoreFrom(site),
        (error: WalvaultError) => error.code === 'wal-missing' && error.message.startsWith(file.name),
      );
    } finally {
      renameSync(aside, path);
    }
  });

  test('undamaged again, it is restored', async () => {
    const directory = newDirectory();
    await restoreFrom(site, { directory, overrides: { verifySignatures: 'require' } });
    assert.match(await verifyWithPostgres(origin, directory), /successfully verified/);
  });

  test('kill -9 at 50 moments: PostgreSQL refuses the directory, or the restore was complete', async () => {
    const whole = await killedRestore(undefined);
    assert.equal(whole.outcome, 'complete');
    const outcomes = { refused: 0, complete: 0, untouched: 0 };
    for (let round = 0; round < 50; round++) {
      const { outcome } = await killedRestore(whole.elapsedMs * (0.1 + (0.95 * round) / 50));
      outcomes[outcome]++;
    }
    assert.ok(outcomes.refused >= 10, JSON.stringify(outcomes));
  });

  /** Runs the executable; `afterMs`: kills it then. */
  async function killedRestore(
    afterMs: number | undefined,
  ): Promise<{ outcome: 'refused' | 'complete' | 'untouched'; elapsedMs: number }> {
    const directory = newDirectory();
    let timer: NodeJS.Timeout | undefined;
    const { elapsedMs, signal, exitCode, stderr } = await site.walvault(['restore', directory], {
      onStart: child => {
        if (afterMs !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
      },
    });
    clearTimeout(timer);
    assert.ok(signal === 'SIGKILL' || exitCode === 0, stderr);
    try {
      if (!existsSync(directory) || readdirSync(directory).length === 0)
        return { outcome: 'untouched', elapsedMs };
      if (existsSync(join(directory, 'global/pg_control'))) {
        assert.match(await verifyWithPostgres(origin, directory), /successfully verified/);
        assert.ok(existsSync(join(directory, 'recovery.signal')));
        return { outcome: 'complete', elapsedMs };
      }
      const started = await run(
        join(origin.binDir, 'postgres'),
        ['-D', directory, '-p', String(origin.port)],
        {
          timeoutMs: 20_000,
        },
      );
      assert.notEqual(started.exitCode, 0);
      assert.match(started.stderr, /pg_control|not a valid data directory|postgresql\.conf/);
      return { outcome: 'refused', elapsedMs };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
});

function change(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  assert.ok(text.includes(from), `${path} has ${from}`);
  writeFileSync(path, text.replace(from, to));
}
