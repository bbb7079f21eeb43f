/**
 * The file `walvault.delta-restore` in a data directory that a delta restore works on: written durably before anything is changed,
 * removed when the copy is complete. A directory that has it, and no `pg_control` that says otherwise, is this cluster's, and the next delta
 * restore completes it.
 */
import { rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fileBounds } from '../../../base/bounds.ts';
import { localIoError, systemCode } from '../../../base/errors/errors.ts';
import { fsyncDirectory, writeFileDurably } from '../../../base/files/durable.ts';
import { readText } from '../../../base/files/read.ts';
import { deltaMarkerName } from '../../../postgres/cluster/backup-selection.ts';
import { parseFields } from '../../../repository/format/fields.ts';

export interface DeltaMarker {
  readonly systemId: bigint;
  /** The id of the backup that is being restored, for people. */
  readonly backup: string;
  /** Directories of tablespaces that belong to this data directory: their links may be gone already. */
  readonly tablespaces: ReadonlyMap<number, string>;
}

export function encodeMarker({ systemId, backup, tablespaces }: DeltaMarker): string {
  const directories = Array.from(tablespaces, ([oid, directory]) => ({ oid, directory }));
  return `${JSON.stringify({ format: 1, systemId: String(systemId), backup, tablespaces: directories })}\n`;
}

/** @throws WalvaultError `damaged` */
export function parseMarker(text: string): DeltaMarker {
  const fields = parseFields(text, deltaMarkerName);
  if (!fields.is('format', 1)) throw fields.bad('format');
  const tablespaces = fields.items('tablespaces').map((item): [number, string] => {
    const directory = item.text('directory');
    if (!isAbsolute(directory) || directory.includes('\0')) throw fields.bad('tablespaces');
    return [item.number('oid'), directory];
  });
  return {
    systemId: BigInt(fields.matching('systemId', /^[1-9]\d{0,19}$/)),
    backup: fields.text('backup'),
    tablespaces: new Map(tablespaces),
  };
}

/** Undefined without one. @throws WalvaultError `damaged`, `local-io` */
export async function readMarker(dataDirectory: string): Promise<DeltaMarker | undefined> {
  const path = join(dataDirectory, deltaMarkerName);
  try {
    return parseMarker(await readText(path, fileBounds.serverFile.limitBytes));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw localIoError('read', path, error);
  }
}

/** Durable on return. @throws WalvaultError `local-io` */
export async function writeMarker(dataDirectory: string, marker: DeltaMarker): Promise<void> {
  await writeFileDurably(join(dataDirectory, deltaMarkerName), encodeMarker(marker));
}

/** Durable on return. @throws WalvaultError `local-io` */
export async function removeMarker(dataDirectory: string): Promise<void> {
  const path = join(dataDirectory, deltaMarkerName);
  try {
    await rm(path, { force: true });
    await fsyncDirectory(dataDirectory);
  } catch (error) {
    throw localIoError('remove', path, error);
  }
}
