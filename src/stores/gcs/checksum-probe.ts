/** Probes whether the service verifies the CRC-32C of an upload. */
import { isWrongChecksumRefused } from '../driver-kit/checksum-probe.ts';
import type { GcsConnection } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { putWhole } from './put.ts';

export async function refusesWrongChecksum(
  connection: GcsConnection,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  const options = { signal, ifAbsent: false, objectClass: 'catalog', crc32c: 'AAAAAA==' } as const;
  return await isWrongChecksumRefused({
    send: body => putWhole(connection, key, [body], options),
    remove: () => deleteObjects(connection, [key], signal),
  });
}
