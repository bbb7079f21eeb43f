/**
 * The manifest of a backup: newline-delimited JSON with one line for each file or directory.
 *
 * The lines are sorted by the bytes of the path, between a header line and a trailer line that counts them. The
 * manifest is streamed in both directions and never held whole (P9). Files of one part stand together, in the order
 * of the part's tar. The last part is the exception (`global/pg_control`, the backup label and other files made at
 * the end): its few lines are merged into their places.
 */
import { wholePath } from '../../postgres/cluster/incremental/file-name.ts';
import { readLines } from '../../base/bytes/lines.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { parseFields, sha256Pattern, type Fields } from './fields.ts';

export interface ManifestEntry {
  /** The path relative to the data directory, `/`-separated; tablespaces as `pg_tblspc/<oid>/PG_…`. */
  readonly path: string;
  readonly type: 'file' | 'directory';
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeMs: number;
  /** Files: SHA-256 of the bytes in the backup, 64 hex digits. */
  readonly sha256?: string | undefined;
  /**
   * Files: the part that has the bytes. `backup` is given when the part belongs to another backup than the manifest.
   */
  readonly part?: number | undefined;
  readonly backup?: string | undefined;
}

/** The name in error messages. */
export const manifestName = 'backup manifest';
const manifestFormat = 1;
const entryTypes = ['file', 'directory'] as const;
const batchBytes = 256 * 1024;

/**
 * Compares two paths in the order of manifests: by their bytes, where an incremental file stands at the place of the relation
 * file that it is about.
 */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(wholePath(a) ?? a), Buffer.from(wholePath(b) ?? b));
}

export async function* encodeManifest(
  backupId: string,
  entries: AsyncIterable<ManifestEntry> | Iterable<ManifestEntry>,
): AsyncGenerator<Uint8Array> {
  let batch = `${JSON.stringify({ format: manifestFormat, backup: backupId })}\n`;
  let count = 0;
  for await (const entry of entries) {
    batch += encodeManifestLine(entry);
    count++;
    if (batch.length < batchBytes) continue;
    yield Buffer.from(batch);
    batch = '';
  }
  yield Buffer.from(`${batch}${JSON.stringify({ entries: count })}\n`);
}

/** The line of an entry, with its newline; a running backup spools entries in this form too. */
export function encodeManifestLine(entry: ManifestEntry): string {
  const { path, type, sizeBytes, mode, mtimeMs, sha256, part, backup } = entry;
  return `${JSON.stringify({ path, type, size: sizeBytes, mode: mode.toString(8), mtime: mtimeMs, sha256, part, backup })}\n`;
}

/**
 * Yields the entries, and checks form, order and completeness on the way. Do nothing irreversible with an entry
 * before the end is reached without an error.
 * @throws WalvaultError `damaged`
 */
export async function* readManifest(source: ByteStream, backupId: string): AsyncGenerator<ManifestEntry> {
  let previous: string | undefined;
  let count = 0;
  let isHeaderSeen = false;
  let isEnded = false;
  for await (const line of readLines(source, manifestName)) {
    if (isEnded) throw damaged('lines after its trailer');
    const fields = parseLine(line);
    if (!isHeaderSeen) {
      if (!fields.is('format', manifestFormat) || !fields.is('backup', backupId))
        throw damaged(`is not the manifest of ${backupId}`);
      isHeaderSeen = true;
    } else if (!fields.has('entries')) {
      const entry = entryOf(fields);
      if (previous !== undefined && comparePaths(previous, entry.path) >= 0)
        throw damaged(`"${entry.path}" is out of order`);
      previous = entry.path;
      count++;
      yield entry;
    } else {
      if (!fields.is('entries', count))
        throw damaged(`holds ${count} entries, its trailer says ${fields.shown('entries')}`);
      isEnded = true;
    }
  }
  if (!isEnded) throw damaged('ends before its trailer');
}

/** Reads a line that `encodeManifestLine` wrote. @throws WalvaultError `damaged` */
export function decodeManifestLine(line: string): ManifestEntry {
  return entryOf(parseLine(line));
}

function parseLine(line: string): Fields {
  return parseFields(line, `a line of the ${manifestName}`);
}

function entryOf(fields: Fields): ManifestEntry {
  const path = fields.text('path');
  if (!isSafePath(path)) throw damaged(`has an impossible path ${JSON.stringify(path)}`);
  try {
    const type = fields.oneOf('type', entryTypes);
    return {
      path,
      type,
      sizeBytes: fields.number('size'),
      mode: Number.parseInt(fields.matching('mode', /^[0-7]{1,4}$/), 8),
      mtimeMs: fields.number('mtime'),
      ...(type === 'file' && {
        sha256: fields.matching('sha256', sha256Pattern),
        part: fields.number('part'),
      }),
      ...(fields.has('backup') && { backup: fields.text('backup') }),
    };
  } catch (error) {
    throw damaged(`has a malformed entry for "${path}"`, error);
  }
}

/**
 * True for a relative path without empty, `.` or `..` parts and without NUL: a manifest from a hostile store must not
 * name a file outside the data directory.
 */
export function isSafePath(path: string): boolean {
  return (
    path !== '' &&
    !path.includes('\0') &&
    path.split('/').every(part => part !== '' && part !== '.' && part !== '..')
  );
}

/** The tablespace of a path: `pg_tblspc/16385/…` gives 16385. */
export function tablespaceOf(path: string): number | undefined {
  const match = /^pg_tblspc\/(\d{1,10})(?:\/|$)/.exec(path);
  return match === null ? undefined : Number(match[1]);
}

function damaged(what: string, cause?: unknown): WalvaultError {
  return new WalvaultError('damaged', `${manifestName} ${what}`, { cause });
}
