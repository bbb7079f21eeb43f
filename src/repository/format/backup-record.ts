/**
 * The commit record of a base backup, `catalog/backups/<id>.json`: a backup exists only once this does (P4). Plain
 * JSON, signed beside it, and without user data, so that listing and retention need no private key.
 */
import { randomBytes } from 'node:crypto';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import { commitRecordKey, commitRecordsPrefix, type SystemPath } from './layout.ts';
import { decodeBackupRecord, encodeBackupRecord } from './backup-record-json.ts';
import { readSmallObject, readVerdict, writeSignedObject } from './json-object.ts';
import type { Repository } from '../repository.ts';

const limitBytes = 256 * 1024 ** 2;

export interface StoredPiece {
  /** Relative to the backup's own prefix: `parts/000001.tar.zst.pgp`, `manifest.ndjson.zst.pgp`. */
  readonly name: string;
  readonly storedSizeBytes: number;
  readonly storedSha256: string;
}

export interface BackupPart extends StoredPiece {
  readonly number: number;
}

/** WAL that makes the backup consistent: from `startLsn` up to `endLsn`, exclusive, on one timeline. */
export interface WalRange {
  readonly timeline: number;
  readonly startLsn: Lsn;
  readonly endLsn: Lsn;
}

export interface BackupRecord {
  readonly id: string;
  readonly type: 'full' | 'incremental';
  readonly parent: string | undefined;
  readonly systemId: bigint;
  /** server_version_num: 150006. */
  readonly serverVersion: number;
  readonly walvaultVersion: string;
  readonly label: string;
  readonly backupFrom: 'primary' | 'standby';
  /** By the database server's clock. A restore target must not be earlier than `stopTime`. */
  readonly startTime: Date;
  readonly stopTime: Date;
  /** The timeline that `startLsn` lies on. */
  readonly timeline: number;
  readonly startLsn: Lsn;
  /** End of the backup (exclusive): recovery is consistent from here. */
  readonly stopLsn: Lsn;
  /** In order; one, unless a standby followed a switch while it was backed up. */
  readonly walRanges: readonly WalRange[];
  readonly segmentSizeBytes: number;
  readonly dataChecksums: boolean;
  /** Pages whose checksum was wrong when they were read; the backup is kept and this is shown everywhere. */
  readonly damagedPages: number;
  readonly fileCount: number;
  /** Plain bytes of all files. */
  readonly sizeBytes: number;
  readonly tablespaces: readonly { readonly oid: number; readonly location: string }[];
  /** Absolute paths of configuration files outside the data directory, captured under `walvault_external/`. */
  readonly externalFiles: readonly string[];
  readonly manifest: StoredPiece;
  readonly parts: readonly BackupPart[];
}

export interface CatalogEntry {
  readonly record: BackupRecord;
  readonly verdict: SignatureVerdict;
  /** When the record reached the store, by the store's clock. */
  readonly committedAt: Date;
}

/** A record that is there and cannot be used; retention keeps what it might name. */
export interface UnreadableEntry {
  readonly id: string;
  readonly problem: string;
}

export interface Catalog {
  /** Ordered by timeline, then by start LSN: never by clocks or ids. */
  readonly backups: readonly CatalogEntry[];
  readonly unreadable: readonly UnreadableEntry[];
}

/** `20261122T020000Z-full-3f2a91`: sorts by time for people; nothing is decided by it. */
export function newBackupId(startTime: Date, type: 'full' | 'incremental'): string {
  const stamp = startTime.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${stamp}-${type === 'full' ? 'full' : 'incr'}-${randomBytes(3).toString('hex')}`;
}

export function isBackupId(text: string): boolean {
  return /^\d{8}T\d{6}Z-(full|incr)-[0-9a-f]{4,12}$/.test(text);
}

/** All that a backup consists of, its parts before the manifest that names their files. */
export function piecesOf({ parts, manifest }: Pick<BackupRecord, 'parts' | 'manifest'>): StoredPiece[] {
  return [...parts, manifest];
}

/** Bytes that a backup takes in one repository, its WAL apart. */
export function storedBytesOf(record: BackupRecord): number {
  return piecesOf(record).reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0);
}

/** Where a backup is consistent: a recovery from it can go on from here. */
export function consistencyPoint({ walRanges, timeline, stopLsn }: BackupRecord): {
  readonly timeline: number;
  readonly lsn: Lsn;
} {
  return { timeline: walRanges.at(-1)?.timeline ?? timeline, lsn: stopLsn };
}

/** By timeline, then by start; ids only break ties between backups of one position. */
export function comparePositions(a: BackupRecord, b: BackupRecord): number {
  return a.timeline - b.timeline || compare(a.startLsn, b.startLsn) || compare(a.id, b.id);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Commits the backup. Everything it names must be durable before. */
export async function writeBackupRecord(
  repository: Repository,
  system: SystemPath,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  await writeSignedObject(repository, commitRecordKey(system, record.id), encodeBackupRecord(record), signal);
}

export async function readCatalog(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Catalog> {
  const backups: CatalogEntry[] = [];
  const unreadable: UnreadableEntry[] = [];
  const prefix = commitRecordsPrefix(system);
  for await (const entry of repository.store.list({ prefix, signal })) {
    if ('prefix' in entry || !entry.key.endsWith('.json')) continue;
    const id = entry.key.slice(prefix.length, -'.json'.length);
    try {
      const data = await readSmallObject(repository.store, entry.key, { limitBytes, signal });
      if (data === undefined) continue;
      const record = decodeBackupRecord(data, `${repository.store.url}: ${entry.key}`);
      if (record.id !== id || record.systemId !== system.systemId) {
        throw new WalvaultError(
          'damaged',
          `${repository.store.url}: ${entry.key} is the record of another backup`,
        );
      }
      backups.push({
        record,
        verdict: await readVerdict(repository, entry.key, data, signal),
        committedAt: entry.modified,
      });
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
      unreadable.push({ id, problem: error.message });
    }
  }
  backups.sort((a, b) => comparePositions(a.record, b.record));
  return { backups, unreadable };
}
