/** Turns raw values into the values of settings, both text from the environment and typed TOML values. */
import { resolve } from 'node:path';
import { WalvaultError } from '../base/errors/errors.ts';
import { clockOf } from '../base/time/time-zone.ts';
import { parseDuration, parseSize } from '../base/units.ts';
import { hideUrlPasswords } from '../base/url-passwords.ts';
import type { RawValue } from './raw-value.ts';
import { configuredSecret, configuredSecrets, type SecretReading } from './secret-source.ts';
import type { Setting, SettingKind } from './setting.ts';

type Parser = (raw: RawValue, setting: Setting) => unknown;

/** A cluster name is a part of object keys: ASCII, no `/`, never `.` or `..`; no dot at its end, which Azure drops. */
const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9_-])?$/;

export function isClusterName(text: string): boolean {
  return namePattern.test(text);
}

/**
 * The value of a setting.
 * @throws WalvaultError `config` in one line that names the setting, its place and the problem. It never holds the value
 *   of a secret.
 */
export function readValue(setting: Setting, raw: RawValue, reading: SecretReading): unknown {
  if (setting.kind === 'secret') return configuredSecret(setting, raw, reading);
  if (setting.kind === 'secrets') return configuredSecrets(setting, raw, reading);
  return parsers[setting.kind](raw, setting);
}

const parsers: Record<Exclude<SettingKind, 'secret' | 'secrets'>, Parser> = {
  name: raw => {
    const text = textOf(raw);
    if (!namePattern.test(text)) throw bad(raw, `${quoted(text)} is not a name`, nameHint);
    return text;
  },
  text: raw => textOf(raw),
  url: raw => checkUrl(textOf(raw), raw),
  path: raw => resolve(raw.directory, textOf(raw)),
  paths: raw => pathsOf(raw),
  integer: (raw, setting) => {
    const { value } = raw;
    const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number))
      throw bad(raw, `${quoted(value)} is not a whole number`);
    return inRange(number, raw, setting, String);
  },
  decimal: (raw, setting) => {
    const { value } = raw;
    const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number))
      throw bad(raw, `${quoted(value)} is not a number`, 'Write it like 0.023.');
    return inRange(number, raw, setting, String);
  },
  duration: (raw, setting) =>
    inRange(withUnit(raw, parseDuration), raw, setting, limit => `${limit / 1000}s`),
  size: (raw, setting) => inRange(withUnit(raw, parseSize), raw, setting, limit => `${limit / 1024 ** 2}MiB`),
  switch: raw => {
    const state = switchStates.get(wordOf(raw).toLowerCase());
    if (state === undefined) throw bad(raw, `${quoted(raw.value)} is neither on nor off`);
    return state;
  },
  choice: (raw, setting) => {
    const choices = setting.choices ?? [];
    if (!choices.includes(textOf(raw)))
      throw bad(raw, `${quoted(raw.value)} is not one of ${choices.join(', ')}`);
    return raw.value;
  },
  'time-zone': raw => {
    const zone = textOf(raw);
    if (clockOf(zone) === undefined)
      throw bad(raw, `${quoted(zone)} is no time zone`, 'Write it like "Europe/Berlin", or "UTC".');
    return zone;
  },
};

const nameHint =
  'A name has up to 63 lower-case letters, digits, hyphens, underscores and dots, begins with a letter or digit, and does not end with a dot.';

const switchStates: ReadonlyMap<string, boolean> = new Map([
  ['on', true], ['true', true], ['yes', true], ['1', true],
  ['off', false], ['false', false], ['no', false], ['0', false],
]); // prettier-ignore

function bad(raw: RawValue, problem: string, hint?: string): WalvaultError {
  return new WalvaultError('config', `${raw.label}: ${problem}`, { hint });
}

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function textOf(raw: RawValue): string {
  if (typeof raw.value !== 'string')
    throw bad(raw, `${quoted(raw.value)} is not text`, 'Write it in quotes.');
  if (raw.value === '') throw bad(raw, 'is empty');
  return raw.value;
}

/** A word, number or `true` as text; a table or list, which may have no text at all, is none. */
function wordOf({ value }: RawValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function pathsOf(raw: RawValue): readonly string[] {
  const { value } = raw;
  const list: unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.split(',')
      : [undefined];
  return list.map(item => {
    if (typeof item !== 'string' || item.trim() === '')
      throw bad(raw, `${quoted(value)} is not a list of files`, 'Write it like ["/etc/walvault/key.asc"].');
    return resolve(raw.directory, item.trim());
  });
}

function withUnit(raw: RawValue, parse: (text: string) => number): number {
  try {
    return parse(wordOf(raw));
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    throw bad(raw, error.message, error.hint);
  }
}

function inRange(value: number, raw: RawValue, setting: Setting, format: (limit: number) => string): number {
  const { min, max } = setting;
  if (min !== undefined && value < min) throw bad(raw, `${quoted(raw.value)} is less than ${format(min)}`);
  if (max !== undefined && value > max) throw bad(raw, `${quoted(raw.value)} is more than ${format(max)}`);
  return value;
}

/** Checks only the form of a URL; the stores know which schemes exist. */
function checkUrl(text: string, raw: RawValue): string {
  if (text.startsWith('/'))
    throw bad(raw, `${quoted(text)} is not a URL`, `For a directory write file://${text}.`);
  // This check comes before the URL is parsed: a password with a slash makes the URL invalid, and would be shown.
  const [address = ''] = text.split('?');
  if (hideUrlPasswords(address) !== address || /:\/\/[^/]*@/.test(address))
    throw bad(
      raw,
      'credentials do not belong in the URL',
      'Use the settings of the repository: access-key-id and secret-access-key, account-key and so on.',
    );
  if (URL.parse(text) === null)
    throw bad(
      raw,
      `${text.includes('@') ? 'what stands there' : quoted(text)} is not a URL`,
      'Write it like s3://bucket/prefix?region=eu-central-1.',
    );
  return text;
}
