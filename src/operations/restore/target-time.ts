/** A point in time as people write it. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatMicros } from '../../postgres/wal/timestamp.ts';
import { instantsOf } from '../../base/time/time-zone.ts';

const form =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?|[A-Za-z][\w+-]*(?:\/[\w+-]+)*)?$/i;

/** A time on a clock, in milliseconds as if the clock showed UTC, and the microseconds of its second. */
interface ClockTime {
  readonly text: string;
  readonly clockMs: number;
  readonly micros: bigint;
}

/**
 * Microseconds since 1970 of a time like `2026-11-22 10:00:00+00`, `2026-11-22T10:00:00.123456Z` or `2026-11-22 11:00
 * Europe/Berlin`. A zone is needed: the server, the host and the person who types may be in different zones, and a
 * mistake costs hours of lost rows.
 * @throws WalvaultError `usage`; its hint shows what the time could mean where it means no instant, or two
 */
export function parseTargetTime(text: string): bigint {
  const match = form.exec(text.trim());
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = match ?? [];
  const clockMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const isReal =
    match !== null &&
    new Date(clockMs).getUTCDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60 &&
    Number(month) <= 12;
  if (!isReal)
    throw new WalvaultError('usage', `"${text}" is not a time`, {
      hint: 'Write it like "2026-11-22 10:00:00+00" or "2026-11-22 10:00:00 Europe/Berlin".',
    });
  const time = { text, clockMs, micros: BigInt(fraction.padEnd(6, '0')) };
  if (zone === undefined) throw withoutZone(time);
  const offset = offsetMs(zone, text);
  return offset === undefined ? inZone(time, zone) : microsAt(time, clockMs - offset);
}

/** PostgreSQL takes offsets below 16 hours (MAX_TZDISP_HOUR in timestamp.h). */
const offsetLimitHours = 16;

/** Undefined for the name of a zone. */
function offsetMs(zone: string, text: string): number | undefined {
  if (/^(?:Z|UTC|GMT)$/i.test(zone)) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone);
  if (match === null) return undefined;
  const [, sign, hours, minutes = '0'] = match;
  if (Number(hours) >= offsetLimitHours || Number(minutes) >= 60)
    throw new WalvaultError('usage', `"${text}": no time zone is ${zone} from UTC`);
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** Abbreviations are refused: CST, for one, is a time in America, in China and in Cuba. */
function inZone(time: ClockTime, zone: string): bigint {
  const instants = zone.includes('/') ? instantsOf(time.clockMs, zone) : undefined;
  if (instants === undefined)
    throw new WalvaultError('usage', `"${time.text}": there is no time zone "${zone}"`, {
      hint: 'Write an offset, such as +01, or a name, such as Europe/Berlin. Abbreviations mean different things in different places.',
    });
  const [only, other] = instants;
  if (only !== undefined && other === undefined) return microsAt(time, only);
  throw new WalvaultError(
    'usage',
    `"${time.text}" ${only === undefined ? 'does not exist: clocks were put forward over it' : 'was twice: clocks were put back'}`,
    {
      hint:
        only === undefined
          ? 'Give a time before or after the change, or one in UTC.'
          : `Give the one you mean: ${describe(time, instants)}.`,
    },
  );
}

function withoutZone(time: ClockTime): WalvaultError {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const here = instantsOf(time.clockMs, zone) ?? [];
  const inThisZone =
    here.length === 0 ? 'it does not exist, as clocks were put forward' : `it is ${describe(time, here)}`;
  return new WalvaultError('usage', `"${time.text}" has no time zone`, {
    hint: `In UTC it is ${describe(time, [time.clockMs])}; in this host's zone, ${zone}, ${inThisZone}. Give the one you mean.`,
  });
}

function describe(time: ClockTime, instants: readonly number[]): string {
  return instants.map(instantMs => `"${formatMicros(microsAt(time, instantMs))}"`).join(' or ');
}

function microsAt({ micros }: ClockTime, instantMs: number): bigint {
  return BigInt(instantMs) * 1000n + micros;
}
