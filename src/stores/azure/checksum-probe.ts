/** Probes whether the service verifies the MD5 of an upload. */
import { isWrongChecksumRefused } from '../driver-kit/checksum-probe.ts';
import type { AzureConnection } from './connection.ts';
import { deleteObjects } from './delete.ts';
import { putWhole } from './put.ts';

export async function refusesWrongChecksum(
  connection: AzureConnection,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  const options = { signal, ifAbsent: false, objectClass: 'catalog', md5: Buffer.alloc(16) } as const;
  return await isWrongChecksumRefused({
    send: body => putWhole(connection, key, [body], options),
    remove: () => deleteObjects(connection, [key], signal),
  });
}
