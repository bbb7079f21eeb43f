/** The names of restore points, as PostgreSQL takes them and as a line can show them. */
import { WalvaultError } from '../base/errors/errors.ts';

/** PostgreSQL takes names of up to 63 bytes (MAXFNAMELEN in xlog_internal.h). */
const limitBytes = 63;

/** @throws WalvaultError `usage` */
export function checkRestorePointName(name: string): string {
  if (name !== '' && Buffer.byteLength(name) <= limitBytes && !/[\r\n\0]/.test(name)) return name;
  throw new WalvaultError('usage', `"${name}" cannot be the name of a restore point`, {
    hint: `Names have 1 to ${limitBytes} bytes on one line.`,
  });
}
