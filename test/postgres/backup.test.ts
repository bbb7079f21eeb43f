import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { generateKeyPair } from '../../src/pipeline/openpgp/index.ts';
import { newBackupId, piecesOf } from '../../src/repository/format/backup-record.ts';
import { readCatalog, writeBackupRecord } from '../../src/repository/format/catalog.ts';
import { manifestKey, type SystemPath } from '../../src/repository/format/layout.ts';
import { described } from '../../src/repository/format/notes/anomaly.ts';
import { readManifest } from '../../src/repository/format/manifest.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { surveySystem } from '../../src/repository/survey.ts';
import { createGpg, type Gpg } from '../support/openpgp/gpg.ts';
import { runLoad } from '../support/site/load.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { runOk } from '../support/site/run.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import {
  listKeys,
  makeRepository,
  recordingLog,
  runBackup,
  signal,
  startArchivingServer,
  startUnpacked,
  switchAndArchive,
  unpackByHand,
} from '../support/site/backup-fixtures.ts';

describe('a backup under load, unpacked with gpg, zstd and tar alone', () => {
  let gpg: Gpg;
  let recipientFingerprint: string;
  let repository: Repository;
  let server: PostgresServer;
  let system: SystemPath;
  let stopArchiving: () => Promise<void>;

  beforeAll(async () => {
    gpg = createGpg();
    const directory = temporaryDirectory('keys');
    const keep = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const recipient = await generateKeyPair({ userId: 'Recipient', use: 'encrypt' });
    recipientFingerprint = recipient.fingerprint;
    const host = await generateKeyPair({ userId: 'Host', use: 'sign' });
    await gpg.importKeys(recipient.privateArmored);
    await gpg.importKeys(host.publicArmored);
    const publicKey = keep('recipient.asc', recipient.publicArmored);
    repository = await makeRepository({
      keys: {
        mode: 'openpgp',
        walRecipients: [publicKey],
        backupRecipients: [publicKey],
        privateKeys: [keep('recipient-private.asc', recipient.privateArmored)],
        signingKey: keep('host-private.asc', host.privateArmored),
        trustedSigners: [keep('host.asc', host.publicArmored)],
      },
    });
    ({ server, system, stopArchiving } = await startArchivingServer([repository], {
      ownSystemIdentifier: true,
    }));
  });
  afterAll(async () => {
    await server.stop();
    await stopArchiving();
  });

  test('pg_verifybackup accepts it and a server that starts on it has every committed row', async () => {
    await runLoad(server, { transactions: 50 });
    const stop = new AbortController();
    const load = runLoad(server, { transactions: 1_000_000, rowBytes: 2000, signal: stop.signal });
    const log = recordingLog();
    const { record, damagedPages } = await runBackup(server, [repository], {
      log,
      label: 'under load',
    }).finally(() => stop.abort());
    await load;
    await switchAndArchive(server, repository, system);
    const expected = await rowsOf(server);

    assert.deepEqual(damagedPages, []);
    assert.deepEqual(
      log.events.filter(event => event.level === 'warn'),
      [],
    );
    assert.ok(record.parts.length > 3, `${record.parts.length} parts`);

    const target = await unpackByHand(repository, system, { id: record.id, gpg });
    const { stdout } = await runOk(join(server.binDir, 'pg_verifybackup'), [target]);
    assert.match(stdout, /backup successfully verified/);
    const copy = await startUnpacked(target, server.binDir);
    try {
      assert.deepEqual(await rowsOf(copy), expected);
      assert.match(copy.log(), /consistent recovery state reached/);
    } finally {
      await copy.stop();
    }
  });

  test('the catalogue has its signed record, which describes exactly what is stored', async () => {
    const { record } = await runBackup(server, [repository], { label: 'second' });
    const catalog = await readCatalog(repository, system, signal);
    const entry = catalog.backups.find(({ record: { id } }) => id === record.id);
    assert.deepEqual(entry && { ...entry.record, parts: [...entry.record.parts] }, record);
    assert.equal(entry?.verdict.status, 'good');
    assert.equal(record.label, 'second');
    assert.equal(record.backupFrom, 'primary');
    assert.deepEqual(record.recipients, [recipientFingerprint]);
    assert.deepEqual(record.walRanges, [{ timeline: 1, startLsn: record.startLsn, endLsn: record.stopLsn }]);

    const prefix = `${system.cluster}/${system.systemId}/backups/${record.id}/`;
    const pieces = [...piecesOf(record)];
    const stored = await listKeys(repository.store, prefix);
    assert.deepEqual(
      stored.toSorted(),
      [
        `${prefix}claim.json`,
        `${prefix}claim.json.sig`,
        ...pieces.map(({ name }) => prefix + name),
      ].toSorted(),
    );
    for (const { name, storedSizeBytes } of pieces)
      assert.equal((await repository.store.head(prefix + name, { signal }))?.sizeBytes, storedSizeBytes);

    const key = manifestKey(system, { id: record.id, attempt: 1 }, '.zst.pgp');
    const { body } = await repository.store.get(key, { signal });
    let fileCount = 0;
    let sizeBytes = 0;
    const partNumbers = new Set<number>();
    for await (const file of readManifest(
      repository.codec.decode(key, body, { limitBytes: 1024 ** 3, signal }),
      record.id,
    )) {
      if (file.type !== 'file') continue;
      fileCount++;
      sizeBytes += file.sizeBytes;
      partNumbers.add(file.part ?? 0);
    }
    assert.deepEqual({ fileCount, sizeBytes }, { fileCount: record.fileCount, sizeBytes: record.sizeBytes });
    assert.deepEqual(
      [...partNumbers].toSorted((a, b) => a - b),
      Array.from(record.parts, ({ number }) => number),
    );
  });

  test('one whose data suddenly does not compress is told and noted', async () => {
    const { backups } = await readCatalog(repository, system, signal);
    const usual = backups.at(-1)?.record;
    assert.ok(usual !== undefined);
    for (let night = 1; night <= 5; night++) {
      const startTime = new Date(Date.UTC(2026, 0, night, 2));
      const id = newBackupId(startTime, 'full');
      await writeBackupRecord(repository, system, { ...usual, id, startTime, stopTime: startTime }, signal);
    }
    await server.query('create table sealed (page bytea)');
    await server.query(
      `insert into sealed select pg_read_binary_file('/dev/urandom', n - n, ${1024 ** 2}) from generate_series(1, 48) n`,
    );
    const log = recordingLog();
    const { record, anomalies } = await runBackup(server, [repository], { log });
    assert.ok(anomalies.some(({ measure, value, usual: before }) => measure === 'ratio' && value < before));
    const told = log.events.filter(({ level }) => level === 'warn');
    assert.match(told[0]?.message ?? '', /out of the ordinary: .*its compression ratio is \d/);
    assert.match(told[0]?.hint ?? '', /encrypted by an intruder/);
    const noted = await surveySystem(repository, system, signal).anomalies();
    assert.deepEqual([...noted.keys()], [record.id]);
    assert.deepEqual(described(noted.get(record.id) ?? []), anomalies);
  });
});

async function rowsOf(server: PostgresServer): Promise<{ count: string; digest: string }> {
  const [row] = await server.query<{ count: string; digest: string }>(
    `select count(*), md5(string_agg(id || ':' || account || ':' || md5(filler), ',' order by id)) as digest from ledger`,
  );
  assert.ok(row !== undefined && Number(row.count) > 0);
  return row;
}
