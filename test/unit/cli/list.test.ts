import assert from 'node:assert/strict';
import { it } from 'vitest';
import { renderJson } from '../../../src/cli/render/json.ts';
import { listJson } from '../../../src/cli/render/list-json.ts';
import { renderListCsv } from '../../../src/cli/render/list-csv.ts';
import { renderList } from '../../../src/cli/render/list.ts';
import { list } from '../../../src/operations/list/list.ts';
import type { BackupRecord } from '../../../src/repository/format/backup-record.ts';
import { readCatalog, writeBackupRecord } from '../../../src/repository/format/catalog.ts';
import { backupId, commitBackup } from '../../support/copied-repository.ts';
import { makeRepository, signal, system } from '../../support/site/archive.ts';

const fingerprints = ['1111222233334444555566667777888899990000', '000099998888777766665555444433332222111a'];

/** A backup whose record notes these recipients. */
async function listedBackup(recipients: BackupRecord['recipients'], { isEncrypted = true } = {}) {
  const repository = await makeRepository();
  await commitBackup(repository);
  const [entry] = (await readCatalog(repository, system, signal)).backups;
  assert(entry !== undefined);
  const { record } = entry;
  const id = '20261123T020000Z-full-3f2a92';
  const manifest = { ...record.manifest, name: `manifest.ndjson.zst${isEncrypted ? '.pgp' : ''}` };
  await writeBackupRecord(repository, system, { ...record, id, manifest, recipients }, signal);
  const listings = await list({
    repositories: [repository],
    cluster: system.cluster,
    what: 'backups',
    signal,
  });
  const [title = '', ...rows] = renderList(listings)
    .split('\n')
    .filter(line => /^(BACKUP|2026)/.test(line));
  const [from, to] = [title.indexOf('ENCRYPTED TO'), title.indexOf('TIMELINE')];
  const column = (wanted: string) =>
    rows
      .find(row => row.startsWith(wanted))
      ?.slice(from, to)
      .trim();
  const json = JSON.parse(renderJson(listJson(listings))) as ListedJson;
  const published = json[0]?.systems[0]?.backups.find(one => one.id === id);
  assert.equal(column(backupId), 'nobody', 'the backup beside it, which is plain');
  return { column: column(id), encrypted: published?.encrypted, recipients: published?.recipients };
}

type ListedJson = readonly {
  readonly systems: readonly {
    readonly backups: readonly {
      readonly id: string;
      readonly encrypted: boolean;
      readonly recipients: readonly string[] | null;
    }[];
  }[];
}[];

it('list says what a backup is encrypted to: keys, keys not noted, a passphrase, or nothing', async () => {
  assert.deepEqual(await listedBackup(fingerprints), {
    column: '7777888899990000 444433332222111a',
    encrypted: true,
    recipients: fingerprints,
  });
  assert.deepEqual(await listedBackup([]), { column: 'a passphrase', encrypted: true, recipients: [] });
  assert.deepEqual(await listedBackup(undefined), {
    column: 'keys not noted',
    encrypted: true,
    recipients: null,
  });
  assert.deepEqual(await listedBackup([], { isEncrypted: false }), {
    column: 'nobody',
    encrypted: false,
    recipients: [],
  });
});

it('list shows until when a backup is kept by hand, its ratio, and what each column has in every form', async () => {
  const repository = await makeRepository();
  await commitBackup(repository);
  const [entry] = (await readCatalog(repository, system, signal)).backups;
  assert(entry !== undefined);
  const id = '20261124T020000Z-full-3f2a93';
  const keepUntil = new Date('2027-01-01T00:00:00Z');
  const record = { ...entry.record, id, keepUntil, sizeBytes: 57, label: '=1+1' };
  await writeBackupRecord(repository, system, record, signal);
  const listings = await list({
    repositories: [repository],
    cluster: system.cluster,
    what: 'backups',
    signal,
  });
  assert.match(
    renderList(listings),
    /^20261124\S+  full .* 3\.0 .*kept until 2027-01-01T00:00:00\.000Z, label "=1\+1"$/m,
  );
  const [title = '', , row = ''] = renderListCsv(listings, 'backups').split('\r\n');
  const cells = new Map(title.split(',').map((name, index) => [name, row.split(',')[index]]));
  assert.deepEqual(
    ['id', 'label', 'ratio', 'keepUntil', 'pins', 'anomalies'].map(name => cells.get(name)),
    [id, "'=1+1", '3.00', '2027-01-01T00:00:00.000Z', '0', ''],
  );
  assert.match(renderJson(listJson(listings)), /"keepUntil": "2027-01-01T00:00:00\.000Z"/);
});
