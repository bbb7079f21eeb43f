/** Durations and sizes: parsed as people write them, and formatted. */
import { WalvaultError } from './errors/errors.ts';

const durationUnitsMs: ReadonlyMap<string, number> = new Map<string, number>(
  Object.entries({
    ms: 1,
    s: 1000,
    min: 60_000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
    w: 604_800_000,
  } as const),
);

const sizeUnitsBytes: ReadonlyMap<string, number> = new Map<string, number>(
  Object.entries({
    b: 1,
    kib: 1024,
    kb: 1024,
    mib: 1024 ** 2,
    mb: 1024 ** 2,
    gib: 1024 ** 3,
    gb: 1024 ** 3,
    tib: 1024 ** 4,
    tb: 1024 ** 4,
  } as const),
);

/**
 * Milliseconds from `30s`, `5min`, `12h`, `14d`, `2w`, or a sum such as `1h30m`.
 * @throws WalvaultError `usage` for other text, a bare number included: its unit would be a guess
 */
export function parseDuration(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/giy)];
  const consumed = parts.reduce((length, part) => length + part[0].length, 0);
  if (parts.length === 0 || consumed !== text.trim().length)
    throw badUnit('duration', text, '30s, 5min, 12h, 14d');
  const ms = parts.reduce((total, [, amount, unit]) => {
    const factor = durationUnitsMs.get((unit ?? '').toLowerCase());
    if (factor === undefined) throw badUnit('duration', text, '30s, 5min, 12h, 14d');
    return total + Number(amount) * factor;
  }, 0);
  if (!Number.isFinite(ms)) throw badUnit('duration', text, '30s, 5min, 12h, 14d');
  return ms;
}

/**
 * Bytes from `64MiB`, `1GiB`, or PostgreSQL's `64MB`, which means the same.
 * @throws WalvaultError `usage`
 */
export function parseSize(text: string): number {
  // Zero needs no unit.
  if (text.trim() === '0') return 0;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim());
  const factor = sizeUnitsBytes.get((match?.[2] ?? '').toLowerCase());
  if (match === null || factor === undefined) throw badUnit('size', text, '64MiB, 1GiB');
  const sizeBytes = Math.round(Number(match[1]) * factor);
  if (!Number.isFinite(sizeBytes)) throw badUnit('size', text, '64MiB, 1GiB');
  return sizeBytes;
}

function badUnit(what: string, text: string, examples: string): WalvaultError {
  return new WalvaultError('usage', `"${text}" is not a ${what}`, { hint: `Write it like ${examples}.` });
}

export function formatSize(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1 segment`, `2 segments`. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ');
}
