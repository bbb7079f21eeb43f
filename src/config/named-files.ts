/** Files that a setting takes its value from, or names for others to read: keys, certificates, secrets. */
import { resolve } from 'node:path';
import type { RawValue } from './raw-value.ts';
import type { Setting } from './setting.ts';

/** Absolute paths. Whether a value makes sense is for `readValue` to say. */
export function filesNamedBy({ kind }: Setting, { value, directory }: RawValue): string[] {
  if (kind === 'secret') return isFileSource(value) ? [resolve(directory, value.file)] : [];
  if (kind !== 'path' && kind !== 'paths') return [];
  const list: unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  return list.filter(item => typeof item === 'string').map(item => resolve(directory, item.trim()));
}

function isFileSource(value: unknown): value is { file: string } {
  return typeof value === 'object' && value !== null && 'file' in value && typeof value.file === 'string';
}
