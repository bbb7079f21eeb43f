/** Log sequence numbers: byte positions in the WAL, 64 bits, written `XXXXXXXX/XXXXXXXX` in hexadecimal (pg_lsn.c). */
import { WalvaultError } from '../../base/errors/errors.ts';

export type Lsn = bigint;

/**
 * Parses `0/16B3740`, as pg_lsn_in does: one to eight hex digits on either side, either case.
 * @throws WalvaultError `usage`
 */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(text);
  if (match === null)
    throw new WalvaultError('usage', `"${text}" is not an LSN`, { hint: 'Write it like 0/16B3740.' });
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** `0/16B3740`: upper case, no leading zeros, as PostgreSQL prints it. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();
}
