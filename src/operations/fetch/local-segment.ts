/** Segments that lie in `pg_wal` under their own names, where PostgreSQL reads them by itself. */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { localIoError, systemCode } from '../../base/errors/errors.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { longHeaderBytes } from '../../postgres/wal/page-header.ts';
import { checkSegment } from '../../postgres/wal/segment-check.ts';

export interface WhoseSegment {
  readonly systemId: bigint;
  readonly geometry: WalGeometry;
}

/**
 * A file with the size and the first header of the segment lies there: PostgreSQL reads it, whatever follows the
 * header. Recycled ones, which have the header of an earlier segment, are none.
 * @throws WalvaultError `local-io`
 */
export function hasLocalSegment(walDirectory: string, name: string, whose: WhoseSegment): boolean {
  const file = parseWalFileName(name);
  const path = join(walDirectory, name);
  if (file?.kind !== 'segment') return false;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const firstPage = Buffer.alloc(longHeaderBytes);
    readSync(descriptor, firstPage, 0, firstPage.length, 0);
    const { size: sizeBytes } = fstatSync(descriptor);
    return checkSegment({ file, sizeBytes, firstPage, ...whose }).problems.length === 0;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw localIoError('read', path, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * It is there and has all its records, to its end or to a change of segment. A walreceiver and a crash leave segments
 * that are whole in size alone.
 * @throws WalvaultError `local-io`
 */
export async function isLocalSegmentWhole(
  walDirectory: string,
  name: string,
  whose: WhoseSegment,
  signal: AbortSignal,
): Promise<boolean> {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment' || !hasLocalSegment(walDirectory, name, whose)) return false;
  const { geometry } = whose;
  const { scanSegment } = await import('../../postgres/wal/segment-scan.ts');
  const path = join(walDirectory, name);
  try {
    const { stoppedBecause } = await scanSegment(createReadStream(path, { highWaterMark: 1024 ** 2 }), {
      startLsn: geometry.startLsn(geometry.positionOf(file).segment),
      geometry,
      signal,
    });
    return stoppedBecause === undefined;
  } catch (error) {
    signal.throwIfAborted();
    throw localIoError('read', path, error);
  }
}
