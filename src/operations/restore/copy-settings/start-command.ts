/** The command line that starts a server on the restored directory. */
import { existsSync } from 'node:fs';
import { shellWord } from '../../../base/shell-word.ts';
import { configurationName } from './copy-configuration.ts';
import type { ConfigurationSource } from './own-configuration.ts';

export interface StartOptions {
  readonly dataDirectory: string;
  readonly postgresMajor: number;
  readonly source: ConfigurationSource;
  readonly externalFiles: readonly string[];
}

/**
 * `pg_ctl -D …`, by the path where Debian or the PostgreSQL project's RPMs put it if it is there: neither has it in PATH.
 * Without a configuration of its own the server gets one by its options, which beat the data directory that it names.
 */
export function startCommand({ dataDirectory, postgresMajor, source, externalFiles }: StartOptions): string {
  const installed = ['/usr/lib/postgresql/%/bin/pg_ctl', '/usr/pgsql-%/bin/pg_ctl']
    .map(path => path.replace('%', String(postgresMajor)))
    .find(path => existsSync(path));
  const configFile =
    externalFiles.find(path => path.endsWith(`/${configurationName}`)) ?? '/PATH/postgresql.conf';
  const options = `-c config_file=${shellWord(configFile)} -c data_directory=${shellWord(dataDirectory)}`;
  const isOwn = source === 'own' || source === 'copied';
  return [installed ?? 'pg_ctl', '-D', dataDirectory, ...(isOwn ? [] : ['-o', options]), 'start']
    .map(shellWord)
    .join(' ');
}
