/** The sources outside the configuration file that a setting depends on: keys, certificates, secrets. */
import { resolve } from 'node:path';
import type { RawValue } from './raw-value.ts';
import type { Setting } from './setting.ts';

export interface ExternalSources {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Those of the files that hold a secret. */
  readonly secretFiles: readonly string[];
  /** Names of environment variables. */
  readonly variables: readonly string[];
}

/** The sources of one setting. `readValue` checks the value itself. */
export function externalSources(
  { kind, isOutput, isSecretFile }: Setting,
  { value, directory }: RawValue,
): ExternalSources {
  if (kind === 'secret' || kind === 'secrets') {
    const items: unknown[] = Array.isArray(value) ? value : [value];
    const files = items.flatMap(item => textIn(item, 'file') ?? []).map(file => resolve(directory, file));
    return {
      files,
      secretFiles: files,
      variables: items.flatMap(item => textIn(item, 'env') ?? []),
    };
  }
  if (isOutput === true || (kind !== 'path' && kind !== 'paths'))
    return { files: [], secretFiles: [], variables: [] };
  const list: unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  const paths = list.filter(item => typeof item === 'string');
  const files = paths.map(path => resolve(directory, path.trim()));
  return { files, secretFiles: isSecretFile === true ? files : [], variables: [] };
}

function textIn(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = (value as Record<string, unknown>)[name];
  return typeof found === 'string' ? found : undefined;
}
