/** Changes in JSON texts as values: another kind of value, a missing or doubled field, depth, length. */
import type { Random } from './random.ts';

/** The text with one to three changed values; one JSON value, or one on each line. A text that is not JSON comes back as it is. */
export function mutateJson(input: Buffer, random: Random): Buffer {
  const text = input.toString('utf8');
  const whole = written(text, random);
  if (whole !== undefined) return Buffer.from(`${whole}\n`);
  const lines = text.split('\n');
  for (let times = random.small(3); times > 0; times--) {
    const at = random.below(lines.length);
    lines[at] = written(lines[at] ?? '', random) ?? lines[at] ?? '';
  }
  return Buffer.from(lines.join('\n'));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is too deep for a recursive JSON.stringify stays as it is. */
function written(text: string, random: Random): string | undefined {
  const value = parsed(text);
  try {
    return value === undefined ? undefined : write(changed(value, random), random);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Now and then pretty-printed, now and then with one field twice. */
function write(value: unknown, random: Random): string {
  const text = JSON.stringify(value, undefined, random.onceIn(4) ? 1 : 0) ?? 'null';
  const doubled = random.onceIn(20) ? text.replace(/("\w+"):/, '$1: 1, $1:') : text;
  return doubled.replaceAll(
    deepValue,
    (_, levels: string) => '['.repeat(Number(levels)) + ']'.repeat(Number(levels)),
  );
}

/** Stands for an array in an array in an array: JSON.stringify, being recursive, cannot write it. */
const deepMark = 'levels of arrays: ';
const deepValue = new RegExp(`"${deepMark}(\\d+)"`, 'g');

function changed(value: unknown, random: Random): unknown {
  const places = placesIn(value);
  for (let times = random.small(3); times > 0; times--) {
    const place = places.length === 0 || random.onceIn(40) ? undefined : random.pick(places);
    if (place === undefined) return strangeValue(random);
    const { holder, name } = place;
    if (Array.isArray(holder)) holder[Number(name)] = strangeValue(random, holder[Number(name)]);
    else if (random.onceIn(6)) delete holder[name];
    else if (random.onceIn(10)) holder[random.pick(strangeNames)] = holder[name];
    else
      Object.defineProperty(holder, name, {
        value: strangeValue(random, holder[name]),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return value;
}

interface JsonPlace {
  readonly holder: Record<string, unknown> | unknown[];
  readonly name: string;
}

function placesIn(value: unknown, found: JsonPlace[] = [], depth = 0): JsonPlace[] {
  if (typeof value !== 'object' || value === null || found.length > 5000 || depth > 100) return found;
  const holder = value as JsonPlace['holder'];
  for (const [name, inner] of Object.entries(holder)) {
    found.push({ holder, name });
    placesIn(inner, found, depth + 1);
  }
  return found;
}

const strangeNames = ['__proto__', 'constructor', 'toString', 'length', '', '0', 'entries', 'format', 'id'];

function strangeValue(random: Random, present?: unknown): unknown {
  const kind = random.below(12);
  if (kind === 0 && typeof present === 'number')
    return present + random.pick([-1, 1, 0.5, 2 ** 32, -present]);
  if (kind <= 1 && typeof present === 'string') return random.pick(strangeTexts) + present;
  if (kind === 2 && typeof present === 'string') return present.slice(random.below(present.length + 1));
  if (kind === 3 && Array.isArray(present))
    return Array.from({ length: random.small(3000) }, () => present[0] as unknown);
  if (kind === 4) return deepMark + String(random.small(100_000));
  if (kind <= 7) return random.pick(strangeTexts);
  return random.pick<unknown>([
    null, true, false, 0, -0, -1, 1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 1e308, -1e308, [], {}, [[]], [null], [{}], { __proto__: 1 }, { length: 5 },
  ]); // prettier-ignore
}

const strangeTexts = [
  '', ' ', '0', '-1', 'null', '\0', '\n', '\u202e', '\u001b[31m', '../../etc/passwd', '/', 'a/../b', '.', '..', '0/0', 'FFFFFFFF/FFFFFFFF', '0/FFFFFFFFF', '1/1/1', '0x10', '1e3', ' 1', '18446744073709551615', '18446744073709551616', '-18446744073709551616', '2026-11-30T00:00:00Z', '-271821-04-20T00:00:00.000Z', '+275760-09-13T00:00:00.000Z', '+999999-01-01', '0000-00-00', 'é', '🐘', '\ud800', '__proto__', '000000010000000000000001', 'FFFFFFFFFFFFFFFFFFFFFFFF', '00000002.history', 'a'.repeat(64), 'f'.repeat(64), 'x'.repeat(5000), '9'.repeat(5000), ' '.repeat(5000),
]; // prettier-ignore
