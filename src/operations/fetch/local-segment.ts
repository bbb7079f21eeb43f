/** Segments in `pg_wal` under their own names, where PostgreSQL reads them without restore_command. */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { withoutWaiting } from '../../base/files/read.ts';
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
 * Whether a file with the size and the first header of the segment lies there: PostgreSQL reads such a file, even if
 * the rest of it is wrong. A recycled segment does not count: it has the header of an earlier segment.
 * @throws WalvaultError `local-io`
 */
export function hasLocalSegment(walDirectory: string, name: string, whose: WhoseSegment): boolean {
  const file = parseWalFileName(name);
  const path = join(walDirectory, name);
  if (file?.kind !== 'segment') return false;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, withoutWaiting);
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
 * Whether the segment is there with all its records, to its end or to a WAL switch. A walreceiver or a crash leaves
 * segments of the right size without all their records.
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
