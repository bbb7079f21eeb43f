/** Points in time with PostgreSQL's resolution: microseconds since 1970 as a bigint (TimestampTz in timestamp.h). */

/** PostgreSQL counts microseconds from 2000-01-01. */
const postgresEpochMicros = 946_684_800_000_000n;

/** A TimestampTz in a WAL record, as microseconds since 1970. */
export function timestampAt(view: DataView, at: number): bigint {
  return view.getBigInt64(at, true) + postgresEpochMicros;
}

/** `2026-11-22 10:00:00.123456+00`: PostgreSQL reads it back to the same microsecond. */
export function formatMicros(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((micros - fraction) / 1_000_000n);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
  return `${text}${digits}+00`;
}

export function microsOf(time: Date): bigint {
  return BigInt(time.getTime()) * 1000n;
}
