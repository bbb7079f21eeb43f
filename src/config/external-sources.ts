/** What else than the configuration file a setting depends on: keys, certificates, secrets kept elsewhere. */
import { resolve } from 'node:path';
import type { RawValue } from './raw-value.ts';
import type { Setting } from './setting.ts';

export interface ExternalSources {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Names in the environment. */
  readonly variables: readonly string[];
}

/** Whether a value makes sense is for `readValue` to say. */
export function externalSources({ kind }: Setting, { value, directory }: RawValue): ExternalSources {
  if (kind === 'secret') {
    const file = textIn(value, 'file');
    const variable = textIn(value, 'env');
    return {
      files: file === undefined ? [] : [resolve(directory, file)],
      variables: variable === undefined ? [] : [variable],
    };
  }
  if (kind !== 'path' && kind !== 'paths') return { files: [], variables: [] };
  const list: unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  const paths = list.filter(item => typeof item === 'string');
  return { files: paths.map(path => resolve(directory, path.trim())), variables: [] };
}

function textIn(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = (value as Record<string, unknown>)[name];
  return typeof found === 'string' ? found : undefined;
}
