/** A point in time as people write it. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatMicros } from '../../postgres/wal/timestamp.ts';

const form =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * Microseconds since 1970 of a time like `2026-11-22 10:00:00+00` or `2026-11-22T10:00:00.123456Z`. A zone is needed:
 * the server, the host and the person who types may be in different zones, and a mistake costs hours of lost rows.
 * @throws WalvaultError `usage`; without a zone its hint shows what the time would be in UTC and in this host's zone
 */
export function parseTargetTime(text: string): bigint {
  const match = form.exec(text.trim());
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = match ?? [];
  const utcMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const isReal =
    match !== null &&
    new Date(utcMs).getUTCDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60 &&
    Number(month) <= 12;
  if (!isReal)
    throw new WalvaultError('usage', `"${text}" is not a time`, {
      hint: 'Write it like "2026-11-22 10:00:00+00", with a zone.',
    });
  const micros = BigInt(fraction.padEnd(6, '0'));
  if (zone === undefined) throw withoutZone(text, utcMs, micros);
  return BigInt(utcMs - offsetMs(zone)) * 1000n + micros;
}

function offsetMs(zone: string): number {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? '0');
  return (match[1] === '-' ? -minutes : minutes) * 60_000;
}

function withoutZone(text: string, utcMs: number, micros: bigint): WalvaultError {
  const asUtc = formatMicros(BigInt(utcMs) * 1000n + micros);
  const local = new Date(utcMs);
  const localMs = new Date(
    local.getUTCFullYear(),
    local.getUTCMonth(),
    local.getUTCDate(),
    local.getUTCHours(),
    local.getUTCMinutes(),
    local.getUTCSeconds(),
  ).getTime();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return new WalvaultError('usage', `"${text}" has no time zone`, {
    hint: `In UTC it is "${asUtc}"; in this host's zone, ${zone}, it is "${formatMicros(BigInt(localMs) * 1000n + micros)}". Give the one you mean.`,
  });
}
