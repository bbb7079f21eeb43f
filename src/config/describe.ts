/** The settings in force, for `config show`. Secrets are shown as `***`. */
import type { LoadedConfig } from './config.ts';
import type { Setting, SettingKind } from './setting.ts';
import { repositorySettings } from './repository-settings.ts';
import { settings } from './settings.ts';

export interface SettingInForce {
  readonly name: string;
  /** The value as written in the file; undefined if unset. */
  readonly text: string | undefined;
  /** `default`, `FILE:LINE` or the name of a variable. */
  readonly origin: string;
}

export function describeSettings(loaded: LoadedConfig): SettingInForce[] {
  return [...loaded.values].map(([name, value]) => ({
    name,
    text: isUnset(value) ? undefined : writeValue(kindOf(name), value),
    origin: loaded.origins.get(name) ?? 'default',
  }));
}

function isUnset(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

/** A value as TOML, with the largest exact unit. */
function writeValue(kind: SettingKind, value: unknown): string {
  if (kind === 'secret') return '***';
  if (kind === 'secrets' && Array.isArray(value)) return value.map(() => '***').join(', ');
  if (kind === 'switch') return value === true ? '"on"' : '"off"';
  if (kind === 'duration') return JSON.stringify(withUnit(Number(value), durationUnits));
  if (kind === 'size') return JSON.stringify(withUnit(Number(value), sizeUnits));
  return JSON.stringify(value);
}

type Units = readonly (readonly [number, string])[];

const durationUnits: Units = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1000, 's'], [1, 'ms']]; // prettier-ignore
const sizeUnits: Units = [[1024 ** 3, 'GiB'], [1024 ** 2, 'MiB'], [1024, 'KiB'], [1, 'B']]; // prettier-ignore

function withUnit(value: number, units: Units): string {
  const [factor, unit] = units.find(([factor]) => value % factor === 0) ?? [1, ''];
  return `${value / factor}${unit}`;
}

function kindOf(name: string): SettingKind {
  const table: Record<string, Setting> = settings;
  const fields: Record<string, Setting> = repositorySettings;
  const field = /^repository\.[^.]+\.(.+)$/.exec(name)?.[1];
  return (table[name] ?? (field === undefined ? undefined : fields[field]))?.kind ?? 'text';
}
