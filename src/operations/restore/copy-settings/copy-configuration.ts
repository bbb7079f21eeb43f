/** The configuration that a restored directory came with, read for what the copy must get instead. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  readConfiguration,
  settingsOf,
  type ConfigurationText,
} from '../../../postgres/cluster/configuration-files.ts';
import { externalDirectory } from '../../../repository/format/backup-record.ts';
import type { ConfiguredSettings } from './overrides.ts';

export const autoConfName = 'postgresql.auto.conf';
export const configurationName = 'postgresql.conf';

export interface CopyConfiguration extends ConfiguredSettings {
  /** `postgresql.conf` with what it includes; undefined if the backup has none. */
  readonly main: ConfigurationText | undefined;
}

/**
 * Reads `postgresql.conf` of the directory or, where it has none, the copy of one that lay outside, with what they
 * include, and `postgresql.auto.conf`, which beats both.
 */
export async function readCopyConfiguration(
  dataDirectory: string,
  externalFiles: readonly string[],
): Promise<CopyConfiguration> {
  const own = await readConfiguration(
    join(dataDirectory, configurationName),
    path => savedCopyOf(dataDirectory, path) ?? path,
  );
  const outside = externalFiles.find(path => path.endsWith(`/${configurationName}`));
  // Files of this host under the same paths may be those of another cluster.
  const main =
    own ??
    (outside === undefined
      ? undefined
      : await readConfiguration(outside, path => savedPath(dataDirectory, path)));
  const auto = await readConfiguration(join(dataDirectory, autoConfName));
  const values = new Map([main, auto].flatMap(text => (text === undefined ? [] : [...settingsOf(text)])));
  return { values, isInForce: own !== undefined, main };
}

/** The saved copy of a file or directory that lay outside the origin's data directory, if there is one. */
export function savedCopyOf(dataDirectory: string, path: string): string | undefined {
  const saved = savedPath(dataDirectory, path);
  return existsSync(saved) ? saved : undefined;
}

function savedPath(dataDirectory: string, path: string): string {
  return join(dataDirectory, externalDirectory, path);
}
