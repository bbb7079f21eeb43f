/**
 * Loss records: one small file for each segment that was given up, under `.walvault-lost-wal` in the data directory.
 *
 * They wait there because the store is often unreachable when a segment is given up. The directory belongs to the
 * server's user and survives restarts. PostgreSQL ignores it, and base backups leave it out by its name
 * (postgres/cluster/backup-selection.ts). pg_basebackup copies it, which is harmless: the records are true for every
 * copy. pg_rewind and pg_upgrade lose it; docs/queue-limit.md says so.
 */
import { fileBounds } from '../../base/bounds.ts';
import { mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { localIoError, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { fsyncDirectory, writeFileDurably } from '../../base/files/durable.ts';
import { readWhole } from '../../base/files/read.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import { isValidSegmentSize, WalGeometry } from '../../postgres/wal/geometry.ts';
import { parseFields } from '../format/fields.ts';
import { encodeJson } from '../format/json-object.ts';
import { lossDetails } from '../format/notes/lost-wal.ts';
import type { Log } from '../../observe/events/events.ts';

export const lossRecordsDirectory = '.walvault-lost-wal';

export interface LossRecord {
  readonly systemId: bigint;
  /** The file name of the segment. */
  readonly segment: string;
  readonly segmentSizeBytes: number;
  readonly time: Date;
  readonly host: string;
  readonly backlogBytes: number;
  readonly limitBytes: number;
  readonly reason: string;
}

/**
 * Writes a record. On return it survives a power cut, and so does the directory's own entry. An earlier record of the
 * segment is replaced.
 * @throws WalvaultError `local-io`; `refused` when the process does not run as the server's user, who could not
 *   remove the record later
 */
export async function recordLoss(dataDirectory: string, record: LossRecord): Promise<void> {
  const directory = join(dataDirectory, lossRecordsDirectory);
  await requireOwner(dataDirectory);
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw localIoError('make', directory, error);
  }
  const { systemId, time, ...rest } = record;
  const data = encodeJson({ format: 1, systemId: String(systemId), time: time.toISOString(), ...rest });
  await writeFileDurably(join(directory, `${record.segment}.json`), data);
  try {
    // This is also needed for an existing directory: the process that made it may have died before its own fsync.
    await fsyncDirectory(dataDirectory);
  } catch (error) {
    throw localIoError('fsync', dataDirectory, error);
  }
}

/**
 * Reads the records in the order of their names. An unreadable record causes a warning and stays. @throws
 * WalvaultError `local-io`
 */
export async function readLossRecords(dataDirectory: string, log: Log): Promise<LossRecord[]> {
  const directory = join(dataDirectory, lossRecordsDirectory);
  const records: LossRecord[] = [];
  for (const name of await namesIn(directory)) {
    if (!name.endsWith('.json') || name.startsWith('.')) continue;
    const path = join(directory, name);
    const data = await unlessGone('read', path, readWhole(path, fileBounds.lossRecord.limitBytes));
    if (data === undefined) continue;
    try {
      records.push(parseRecord(data, path));
    } catch (error) {
      if (!(error instanceof WalvaultError)) throw error;
      log.emit({ kind: 'loss-record-unreadable', path });
    }
  }
  return records;
}

/** Removes the records. On return a power cut does not bring them back. */
export async function removeLossRecords(
  dataDirectory: string,
  records: readonly LossRecord[],
): Promise<void> {
  const directory = join(dataDirectory, lossRecordsDirectory);
  for (const { segment } of records) {
    const path = join(directory, `${segment}.json`);
    await unlessGone('remove', path, unlink(path));
  }
  await unlessGone('fsync', directory, fsyncDirectory(directory));
}

function parseRecord(data: Uint8Array, path: string): LossRecord {
  const fields = parseFields(data, path);
  const file = fields.parsed('segment', parseWalFileName);
  const segmentSizeBytes = fields.number('segmentSizeBytes');
  if (
    file.kind !== 'segment' ||
    !isValidSegmentSize(segmentSizeBytes) ||
    !new WalGeometry(segmentSizeBytes).isPossible(file)
  )
    throw fields.bad('segment');
  return {
    systemId: BigInt(fields.matching('systemId', /^\d{1,20}$/)),
    segment: file.name,
    segmentSizeBytes,
    time: fields.time('time'),
    ...lossDetails(fields),
  };
}

async function requireOwner(dataDirectory: string): Promise<void> {
  const user = process.geteuid?.();
  const { uid } = await stat(dataDirectory);
  if (user !== undefined && user !== uid)
    throw new WalvaultError('refused', `${dataDirectory} belongs to another user than the one who runs push`);
}

async function namesIn(directory: string): Promise<string[]> {
  return ((await unlessGone('read', directory, readdir(directory))) ?? []).toSorted();
}

async function unlessGone<T>(action: string, path: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError(action, path, error);
  }
}
