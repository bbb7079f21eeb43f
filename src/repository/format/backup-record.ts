/**
 * The commit record of a base backup, `catalog/backups/<id>.json`: a backup exists only once its record exists (P4).
 *
 * It is plain JSON with a signature beside it and without user data, so that listing and retention need no private
 * key.
 */
import { randomBytes } from 'node:crypto';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { RelationLayout } from '../../postgres/cluster/incremental/header.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';

/** The directory of a backup with copies of files that lay outside the data directory, under their old paths. */
export const externalDirectory = 'walvault_external';

export interface StoredPiece {
  /** The key relative to the backup's own prefix: `parts/000001.tar.zst.pgp`, `manifest.ndjson.zst.pgp`. */
  readonly name: string;
  readonly storedSizeBytes: number;
  readonly storedSha256: string;
  /** The bytes that it decodes to; undefined in records that did not note them. */
  readonly plainSizeBytes?: number | undefined;
}

export interface BackupPart extends StoredPiece {
  readonly number: number;
}

/** In the order of their numbers. */
export interface BackupParts extends Iterable<BackupPart> {
  readonly length: number;
}

/** WAL that makes the backup consistent: from `startLsn` up to `endLsn`, exclusive, on one timeline. */
export interface WalRange {
  readonly timeline: number;
  readonly startLsn: Lsn;
  readonly endLsn: Lsn;
}

export interface BackedUpTablespace {
  readonly oid: number;
  readonly location: string;
  /** For a tablespace inside the data directory: its path there. */
  readonly insidePath?: string | undefined;
}

/** A symbolic link in the data directory; the backup has at its path what was behind it. */
export interface FollowedLink {
  readonly path: string;
  /** The target of the link on the original host. */
  readonly location: string;
}

/** A page whose checksum was wrong, and which the backup's WAL does not rewrite. */
export interface DamagedPage {
  /** The file, as the manifest has it. */
  readonly path: string;
  /** Number of the page within this file, from 0. */
  readonly page: number;
}

export interface ResumedBackup {
  /** The number of the attempt that succeeded, from 2 on. */
  readonly attempt: number;
  /** The parts of earlier attempts that were proven to be what the server had in this one. */
  readonly partCount: number;
  readonly storedSizeBytes: number;
}

/** What the audit of WAL summaries came to: everything was read, and compared with what they name. */
export interface SummaryAudit {
  /** Changed pages that the summaries should have named and did not. The backup has them. */
  readonly missedPages: number;
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
  /** Cleanup keeps the backup until then, whatever the policy says; undefined for a backup that the policy judges. */
  readonly keepUntil?: Date | undefined;
  /** The timeline that `startLsn` lies on. */
  readonly timeline: number;
  readonly startLsn: Lsn;
  /** End of the backup (exclusive): recovery is consistent from here. */
  readonly stopLsn: Lsn;
  /** The ranges in order; there is one, unless a standby followed a timeline switch during its backup. */
  readonly walRanges: readonly WalRange[];
  readonly geometry: WalGeometry;
  readonly dataChecksums: boolean;
  /** The number of pages whose checksum was wrong; the backup is kept, and every report shows this number. */
  readonly damagedPages: number;
  /** The first 100 of them, by path and page; undefined if there are none, or in records that did not name them. */
  readonly namedDamagedPages?: readonly DamagedPage[] | undefined;
  /** Permission bits of the data directory; undefined in records that did not note them. */
  readonly dataDirectoryMode?: number | undefined;
  readonly fileCount: number;
  /** Plain bytes of all files. */
  readonly sizeBytes: number;
  /** Of an incremental backup: plain bytes of all files of a copy restored from it and its ancestors. */
  readonly restoredSizeBytes?: number | undefined;
  /** Of an incremental backup: the layout of its incremental files. */
  readonly relationLayout?: RelationLayout | undefined;
  /** Of an incremental backup: how it found what has changed; undefined in records that did not note it. */
  readonly changesFrom?: 'digests' | 'summaries' | undefined;
  /** Undefined for a backup that is no audit. */
  readonly audited?: SummaryAudit | undefined;
  readonly tablespaces: readonly BackedUpTablespace[];
  /** The first 100 symbolic links to data of PostgreSQL's; undefined in records that did not note them. */
  readonly links?: readonly FollowedLink[] | undefined;
  /** Absolute paths of configuration files outside the data directory, captured under `walvault_external/`. */
  readonly externalFiles: readonly string[];
  /**
   * Fingerprints of the public keys that manifest and parts are encrypted to; empty for encryption by passphrase, or
   * none. Undefined in records that did not note them.
   */
  readonly recipients?: readonly string[] | undefined;
  /** What was taken over from an interrupted attempt; undefined for a backup that was taken in one go. */
  readonly resumed?: ResumedBackup | undefined;
  readonly manifest: StoredPiece;
  /** The names of relations by file; undefined for a backup without them. */
  readonly names?: StoredPiece | undefined;
  readonly parts: BackupParts;
}

/** True if a backup's objects are encrypted: the names say so. */
export function isEncrypted({ manifest }: Pick<BackupRecord, 'manifest'>): boolean {
  return manifest.name.endsWith('.pgp');
}

/** A new id, like `20261122T020000Z-full-3f2a91`. It sorts by time for people; no decision depends on it. */
export function newBackupId(startTime: Date, type: 'full' | 'incremental'): string {
  const stamp = startTime.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${stamp}-${type === 'full' ? 'full' : 'incr'}-${randomBytes(3).toString('hex')}`;
}

export function isBackupId(text: string): boolean {
  return /^\d{8}T\d{6}Z-(full|incr)-[0-9a-f]{4,12}$/.test(text);
}

/** The type of the backup, by its id. */
export function typeOfBackup(id: string): 'full' | 'incremental' {
  return id.includes('-incr-') ? 'incremental' : 'full';
}

/** The objects that a restore needs: the parts, then the manifest that names their files. */
export function* restoredPiecesOf({
  parts,
  manifest,
}: Pick<BackupRecord, 'parts' | 'manifest'>): Generator<StoredPiece, undefined> {
  yield* parts;
  yield manifest;
}

/** All objects of a backup, as its record names them. */
export function* piecesOf(
  record: Pick<BackupRecord, 'parts' | 'manifest' | 'names'>,
): Generator<StoredPiece, undefined> {
  yield* restoredPiecesOf(record);
  if (record.names !== undefined) yield record.names;
}

/** The most bytes that a piece may decode to, by what the record says of the piece, or of all its files. */
export function plainLimitOf(
  { sizeBytes, fileCount }: Pick<BackupRecord, 'sizeBytes' | 'fileCount'>,
  { plainSizeBytes }: StoredPiece,
): number {
  return plainSizeBytes ?? sizeBytes + (fileCount + 1000) * mostBytesAboutFile;
}

/** A line of the manifest, or the headers and the padding of a member in a tar. */
const mostBytesAboutFile = 16 * 1024;

/** Plain bytes of all files of a copy restored from the backup. */
export function restoredBytesOf({ sizeBytes, restoredSizeBytes }: BackupRecord): number {
  return restoredSizeBytes ?? sizeBytes;
}

/** Bytes that a backup takes in one repository, without its WAL. */
export function storedBytesOf(record: BackupRecord): number {
  let sum = 0;
  for (const { storedSizeBytes } of piecesOf(record)) sum += storedSizeBytes;
  return sum;
}

/** The position where a backup becomes consistent: a recovery from the backup can stop here or later. */
export function consistencyPoint({ walRanges, timeline, stopLsn }: BackupRecord): {
  readonly timeline: number;
  readonly lsn: Lsn;
} {
  return { timeline: walRanges.at(-1)?.timeline ?? timeline, lsn: stopLsn };
}

/** Orders backups by timeline, then by start; ids only break ties between backups of one position. */
export function comparePositions(a: BackupRecord, b: BackupRecord): number {
  return a.timeline - b.timeline || compare(a.startLsn, b.startLsn) || compare(a.id, b.id);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
