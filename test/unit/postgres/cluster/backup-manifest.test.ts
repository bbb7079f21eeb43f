import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import {
  encodeBackupManifest,
  updateBackupManifest,
  type BackupManifestFile,
} from '../../../../src/postgres/cluster/backup-manifest.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const sha256 = 'ab'.repeat(32);
const entries: BackupManifestFile[] = [
  {
    path: 'PG_VERSION',
    sizeBytes: 3,
    mtimeMs: 1_700_000_000_999,
    sha256,
  },
  { path: 'odd"\\\n\u0001ü', sizeBytes: 0, mtimeMs: 0, sha256 },
];
const walRanges = [
  { timeline: 1, startLsn: 0x200_0028n, endLsn: 0x300_0000n },
  { timeline: 2, startLsn: 0x300_0000n, endLsn: 0x1_0000_0100n },
];

const encode = async (postgresMajor: number, files: readonly BackupManifestFile[] = entries) =>
  (
    await collect(
      encodeBackupManifest({ postgresMajor, systemId: 18_446_744_073_709_551_615n, walRanges }, files),
      1e6,
    )
  ).toString();

test('version 1, as PostgreSQL 13 to 16 write it', async () => {
  const text = await encode(15);
  const body = `{ "PostgreSQL-Backup-Manifest-Version": 1,
"Files": [
{ "Path": "PG_VERSION", "Size": 3, "Last-Modified": "2023-11-14 22:13:20 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${sha256}" },
{ "Path": "odd\\"\\\\\\n\\u0001ü", "Size": 0, "Last-Modified": "1970-01-01 00:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${sha256}" }
],
"WAL-Ranges": [
{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/3000000" },
{ "Timeline": 2, "Start-LSN": "0/3000000", "End-LSN": "1/100" }
],
`;
  const digest = createHash('sha256').update(body).digest('hex');
  assert.equal(text, `${body}"Manifest-Checksum": "${digest}"}\n`);
});

test('version 2 carries the system identifier', async () => {
  assert.ok(
    (await encode(17)).startsWith(
      '{ "PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": 18446744073709551615,\n"Files": [\n{ "Path"',
    ),
  );
});

test('CRC-32C is written as pg_basebackup writes it, and a file of other content gets SHA-256', async () => {
  const [first, ...others] = entries as [BackupManifestFile, ...BackupManifestFile[]];
  // The check value of the polynomial, for "123456789".
  const text = await encode(15, [{ ...first, crc32c: 0xe306_9283 }, ...others]);
  assert.match(text, /"Checksum-Algorithm": "CRC32C", "Checksum": "839206e3" }/);
  const changed = { sizeBytes: 6, sha256: createHash('sha256').update('170000').digest('hex') };
  assert.equal(await updated(text), await encode(15, [{ ...first, ...changed }, ...others]));
});

test('many files come in batches and are one valid JSON text', async () => {
  const many = Array.from({ length: 5000 }, (_, index) => ({
    ...(entries[0] as BackupManifestFile),
    path: `f${index}`,
  }));
  const parsed = JSON.parse(await encode(16, many)) as { Files: { Path: string }[] };
  assert.deepEqual(
    parsed.Files.map(file => file.Path),
    many.map(entry => entry.path),
  );
});

/** The file as `updateBackupManifest` leaves it, which gives `PG_VERSION` another content. */
async function updated(text: string, path = 'PG_VERSION'): Promise<string> {
  const directory = temporaryDirectory('manifest', { keepOwner: true });
  const manifest = join(directory, 'backup_manifest');
  writeFileSync(manifest, text, { mode: 0o640 });
  await updateBackupManifest(directory, { path, content: Buffer.from('170000') });
  assert.equal(statSync(manifest).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(directory), ['backup_manifest']);
  return readFileSync(manifest, 'utf8');
}

test('a file of other content is as if it had been written so', async () => {
  const changed = { sizeBytes: 6, sha256: createHash('sha256').update('170000').digest('hex') };
  const [first, ...others] = entries as [BackupManifestFile, ...BackupManifestFile[]];
  for (const major of [15, 17]) {
    assert.equal(
      await updated(await encode(major)),
      await encode(major, [{ ...first, ...changed }, ...others]),
    );
    assert.equal(await updated(await encode(major), 'absent'), await encode(major));
  }
});

test('no manifest, and none without its checksum, becomes a valid one', async () => {
  const directory = temporaryDirectory('manifest', { keepOwner: true });
  await updateBackupManifest(directory, { path: 'PG_VERSION', content: Buffer.from('1') });
  assert.deepEqual(readdirSync(directory), []);
  const whole = await encode(15);
  const cut = whole.slice(0, whole.indexOf('"Manifest-Checksum"'));
  assert.doesNotMatch(await updated(cut), /Manifest-Checksum/);
  await assert.rejects(updated(whole.slice(0, -3)), { code: 'damaged', message: /ends inside a line/ });
});

test('a manifest that cannot be read leaves no temporary file behind', async () => {
  const directory = temporaryDirectory('manifest', { keepOwner: true });
  writeFileSync(join(directory, 'backup_manifest'), '{ "PostgreSQL-Backup-Manifest-Version": 1,');
  const file = { path: 'PG_VERSION', content: Buffer.from('15') };
  await assert.rejects(updateBackupManifest(directory, file), {
    code: 'damaged',
    message: /ends inside a line/,
  });
  assert.deepEqual(readdirSync(directory), ['backup_manifest']);
});
