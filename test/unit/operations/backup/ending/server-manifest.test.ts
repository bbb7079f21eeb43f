import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { collect } from '../../../../../src/base/bytes/streams.ts';
import { encodeServerManifest } from '../../../../../src/operations/backup/ending/server-manifest.ts';
import type { ManifestEntry } from '../../../../../src/repository/format/manifest.ts';

const sha256 = 'ab'.repeat(32);
const entries: ManifestEntry[] = [
  {
    path: 'PG_VERSION',
    type: 'file',
    sizeBytes: 3,
    mode: 0o600,
    mtimeMs: 1_700_000_000_999,
    sha256,
    part: 1,
  },
  { path: 'base', type: 'directory', sizeBytes: 0, mode: 0o700, mtimeMs: 0 },
  { path: 'odd"\\\n\u0001ü', type: 'file', sizeBytes: 0, mode: 0o600, mtimeMs: 0, sha256, part: 2 },
];
const walRanges = [
  { timeline: 1, startLsn: 0x200_0028n, endLsn: 0x300_0000n },
  { timeline: 2, startLsn: 0x300_0000n, endLsn: 0x1_0000_0100n },
];

const encode = async (postgresMajor: number, files: readonly ManifestEntry[] = entries) =>
  (
    await collect(
      encodeServerManifest({ postgresMajor, systemId: 18_446_744_073_709_551_615n, walRanges }, files),
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

test('many files come in batches and are one valid JSON text', async () => {
  const many = Array.from({ length: 5000 }, (_, index) => ({
    ...(entries[0] as ManifestEntry),
    path: `f${index}`,
  }));
  const parsed = JSON.parse(await encode(16, many)) as { Files: { Path: string }[] };
  assert.deepEqual(
    parsed.Files.map(file => file.Path),
    many.map(entry => entry.path),
  );
});
