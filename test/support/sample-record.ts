/** A commit record with every field that each one has. */
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';
import { system } from './site/archive.ts';

export const sampleRecord: BackupRecord = {
  id: '20261122T020000Z-full-3f2a91',
  type: 'full',
  parent: undefined,
  systemId: system.systemId,
  serverVersion: 150_006,
  walvaultVersion: '0.1.0',
  label: 'nightly',
  backupFrom: 'primary',
  startTime: new Date('2026-11-22T02:00:00Z'),
  stopTime: new Date('2026-11-22T02:10:00Z'),
  timeline: 1,
  startLsn: 0x2000028n,
  stopLsn: 0x3000100n,
  walRanges: [{ timeline: 1, startLsn: 0x2000028n, endLsn: 0x3000100n }],
  geometry: new WalGeometry(16 * 1024 ** 2),
  dataChecksums: true,
  damagedPages: 0,
  fileCount: 3,
  sizeBytes: 12_345,
  tablespaces: [{ oid: 16_385, location: '/srv/ts' }],
  externalFiles: ['/etc/postgresql/15/main/pg_hba.conf'],
  manifest: { name: 'manifest.ndjson.zst.pgp', storedSizeBytes: 10, storedSha256: 'ab'.repeat(32) },
  parts: [
    { number: 1, name: 'parts/000001.tar.zst.pgp', storedSizeBytes: 20, storedSha256: 'cd'.repeat(32) },
  ],
};
