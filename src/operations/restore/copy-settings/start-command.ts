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
export function startCommand(options: StartOptions): string {
  const installed = installedPgCtl(options.postgresMajor).find(path => existsSync(path));
  const serverOptions = serverOptionsOf(options);
  return [
    installed ?? 'pg_ctl',
    '-D',
    options.dataDirectory,
    ...(serverOptions === '' ? [] : ['-o', serverOptions]),
    'start',
  ]
    .map(shellWord)
    .join(' ');
}

/** Where packages put it, whether it is there or not. */
export function installedPgCtl(postgresMajor: number): string[] {
  return ['/usr/lib/postgresql/%/bin/pg_ctl', '/usr/pgsql-%/bin/pg_ctl'].map(path =>
    path.replace('%', String(postgresMajor)),
  );
}

/** What `pg_ctl -o` gives the server, which a shell reads; empty for a copy with a configuration of its own. */
export function serverOptionsOf({
  dataDirectory,
  source,
  externalFiles,
}: Omit<StartOptions, 'postgresMajor'>): string {
  if (source === 'own' || source === 'copied') return '';
  const configFile =
    externalFiles.find(path => path.endsWith(`/${configurationName}`)) ?? '/PATH/postgresql.conf';
  return `-c config_file=${shellWord(configFile)} -c data_directory=${shellWord(dataDirectory)}`;
}
