/**
 * The layout of a repository: this file alone makes keys and parses them (docs/repository-format.md, "Layout").
 *
 * WAL and history keys have no codec suffix: with two spellings a file would have two keys, and the store's
 * create-if-absent could no longer ensure one content for each file (P2).
 */
import { formatHex8, parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';

/** The tree of one PostgreSQL system: the configured cluster name and the decimal system identifier. */
export interface SystemPath {
  readonly cluster: string;
  readonly systemId: bigint;
}

export const markerKey = 'walvault.json';

/** The prefix of the objects that `check` writes and removes; no other command reads them. */
export function probePrefix(run: string): string {
  return `walvault-probe/${run}/`;
}

export function clusterPrefix(cluster: string): string {
  return `${cluster}/`;
}

export function systemPrefix(system: SystemPath): string {
  return `${system.cluster}/${system.systemId}/`;
}

export function clusterRecordKey(system: SystemPath): string {
  return `${systemPrefix(system)}cluster.json`;
}

/**
 * The key of a WAL file. The key of a `.partial` needs its content's digest: partials of one segment come from
 * several servers and never conflict with each other.
 */
export function walKey(system: SystemPath, file: WalFileName, sha256?: string): string {
  if (file.kind === 'history') return historyKey(system, file.timeline);
  const key = `${walLogPrefix(system, file.timeline, file.log)}${file.name}`;
  if (file.kind !== 'partial') return key;
  if (sha256 === undefined) throw new TypeError(`the key of ${file.name} needs a digest`);
  return `${key}.${shortDigest(sha256)}`;
}

/** The prefix of all keys of one partial segment. */
export function partialPrefix(system: SystemPath, file: WalFileName & { kind: 'partial' }): string {
  return `${walLogPrefix(system, file.timeline, file.log)}${file.name}.`;
}

/** The key under which `conflict keep` stores a second content of an archived file. */
export function conflictKey(system: SystemPath, file: WalFileName, sha256: string): string {
  return `${walKey(system, file, sha256)}.conflict.${shortDigest(sha256)}`;
}

export function walPrefix(system: SystemPath): string {
  return `${systemPrefix(system)}wal/`;
}

export function walTimelinePrefix(system: SystemPath, timeline: number): string {
  return `${walPrefix(system)}${formatHex8(timeline)}/`;
}

/** The directory of one log, 4 GiB of WAL. */
export function walLogPrefix(system: SystemPath, timeline: number, log: number): string {
  return `${walTimelinePrefix(system, timeline)}${formatHex8(log)}/`;
}

export function timelinesPrefix(system: SystemPath): string {
  return `${systemPrefix(system)}timelines/`;
}

export function historyKey(system: SystemPath, timeline: number): string {
  return `${timelinesPrefix(system)}${formatHex8(timeline)}.history`;
}

export type WalEntry =
  | { readonly kind: 'file'; readonly file: WalFileName }
  | { readonly kind: 'partial'; readonly file: WalFileName & { kind: 'partial' }; readonly digest: string }
  | { readonly kind: 'conflict'; readonly file: WalFileName; readonly digest: string };

/** The WAL file that a key under `wal/` or `timelines/` holds; undefined for a key that is not part of the format. */
export function parseWalKey(key: string): WalEntry | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const entry = parseStoredName(name);
  // In another file's directory it would come out of order in every listing, and close a hole that is there.
  return entry !== undefined && key.endsWith(directoryOf(entry.file) + name) ? entry : undefined;
}

function directoryOf(file: WalFileName): string {
  if (file.kind === 'history') return '/timelines/';
  return `/wal/${formatHex8(file.timeline)}/${formatHex8(file.log)}/`;
}

function parseStoredName(name: string): WalEntry | undefined {
  const conflict = /^(.*)\.conflict\.([0-9a-f]{16})$/.exec(name);
  if (conflict !== null) {
    const inner = /^(.*\.partial)\.[0-9a-f]{16}$/.exec(conflict[1] ?? '')?.[1] ?? conflict[1] ?? '';
    const file = parseWalFileName(inner);
    return file && { kind: 'conflict', file, digest: conflict[2] ?? '' };
  }
  const partial = /^(.*\.partial)\.([0-9a-f]{16})$/.exec(name);
  if (partial !== null) {
    const file = parseWalFileName(partial[1] ?? '');
    return file?.kind === 'partial' ? { kind: 'partial', file, digest: partial[2] ?? '' } : undefined;
  }
  const file = parseWalFileName(name);
  return file === undefined || file.kind === 'partial' ? undefined : { kind: 'file', file };
}

export function backupPrefix(system: SystemPath, id: string): string {
  return `${systemPrefix(system)}backups/${id}/`;
}

export function backupsPrefix(system: SystemPath): string {
  return `${systemPrefix(system)}backups/`;
}

export function claimKey(system: SystemPath, id: string): string {
  return `${backupPrefix(system, id)}claim.json`;
}

/** The most attempts to take one backup: more hint at something that repeats itself, and their keys have one digit for them. */
export const mostAttempts = 9;

/** The key of the claim of an attempt after the first one to take a backup. */
export function attemptKey(system: SystemPath, id: string, attempt: number): string {
  return `${backupPrefix(system, id)}attempts/${attempt}.json`;
}

/** The number of an attempt, from a name below the backup's prefix; undefined for all other names. */
export function parseAttemptName(name: string): number | undefined {
  const digit = /^attempts\/([2-9])\.json$/.exec(name)?.[1];
  return digit === undefined ? undefined : Number(digit);
}

/** True for the name, below the backup's prefix, of a claim or the signature of one. */
export function isClaimName(name: string): boolean {
  return /^(?:claim|attempts\/\d)\.json(?:\.sig)?$/.test(name);
}

/** The key of what a host stores for itself about a finished part. */
export function partIndexKey(system: SystemPath, id: string, part: number): string {
  return `${backupPrefix(system, id)}index/${padded(part)}.sealed`;
}

/** The number of a part, from the name of its index below the backup's prefix; undefined for all other names. */
export function parsePartIndexName(name: string): number | undefined {
  const digits = /^index\/(\d{6,7})\.sealed$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The key of what a host stores for itself about the pages in a part. */
export function pageDigestsKey(system: SystemPath, id: string, part: number): string {
  return `${backupPrefix(system, id)}digests/${padded(part)}.sealed`;
}

/** The number of a part, from the name of its page digests below the backup's prefix; undefined for all other names. */
export function parsePageDigestsName(name: string): number | undefined {
  const digits = /^digests\/(\d{6,7})\.sealed$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The key of a part. Keys of parts and manifests end with a suffix for the encoding, to help a recovery by hand. */
export function partKey(system: SystemPath, id: string, part: number, suffix: string): string {
  return `${backupPrefix(system, id)}parts/${padded(part)}.tar${suffix}`;
}

function padded(part: number): string {
  return String(part).padStart(6, '0');
}

/** The key of a part or another piece that a commit record names. */
export function pieceKey(system: SystemPath, id: string, { name }: { readonly name: string }): string {
  return backupPrefix(system, id) + name;
}

export function isPartKey(key: string): boolean {
  return /\/parts\/\d+\.tar[^/]*$/.test(key);
}

/** Objects are written once, so each attempt to take a backup has names of its own. */
export interface AttemptPath {
  readonly id: string;
  /** From 1 on. */
  readonly attempt: number;
}

export function manifestKey(system: SystemPath, attempt: AttemptPath, suffix: string): string {
  return `${backupPrefix(system, attempt.id)}manifest${numbered(attempt)}.ndjson${suffix}`;
}

export function namesKey(system: SystemPath, attempt: AttemptPath, suffix: string): string {
  return `${backupPrefix(system, attempt.id)}names${numbered(attempt)}.ndjson${suffix}`;
}

function numbered({ attempt }: AttemptPath): string {
  return attempt === 1 ? '' : String(attempt);
}

export function commitRecordsPrefix(system: SystemPath): string {
  return `${systemPrefix(system)}catalog/backups/`;
}

export function commitRecordKey(system: SystemPath, id: string): string {
  return `${commitRecordsPrefix(system)}${id}.json`;
}

export function signatureKey(key: string): string {
  return `${key}.sig`;
}

export function notesPrefix(system: SystemPath, subject?: string): string {
  return `${systemPrefix(system)}catalog/notes/${subject === undefined ? '' : `${subject}/`}`;
}

export function noteKey(system: SystemPath, subject: string, name: string, kind: string): string {
  return `${notesPrefix(system, subject)}${name}-${kind}.json`;
}

/** The subject and kind of a note, as its key tells them. */
export interface NoteName {
  /** The id of a backup, `wal-<TLI>`, `high-water`, `restore-points` or `verify`. */
  readonly subject: string;
  /** The time of the note, or the name that takes its place. */
  readonly name: string;
  readonly kind: string;
}

/** Parses the key of a note; undefined for a signature and for all other keys. */
export function parseNoteKey(key: string): NoteName | undefined {
  const match = /\/catalog\/notes\/([^/]+)\/([^/]+?)-([a-z][a-z-]*)\.json$/.exec(key);
  return match === null ? undefined : { subject: match[1] ?? '', name: match[2] ?? '', kind: match[3] ?? '' };
}

/** Sixteen hex digits of a SHA-256: enough to tell apart the few contents one name can have. */
function shortDigest(sha256: string): string {
  return sha256.slice(0, 16);
}
