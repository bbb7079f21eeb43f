/** What else in the origin's configuration a person must look at before the copy starts on this host. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { jobLibraries } from './acting-settings.ts';
import { librariesIn, libraryName, type ConfiguredSettings } from './overrides.ts';

export interface AbsentFile {
  readonly setting: string;
  readonly path: string;
}

const sslFileSettings = [
  'ssl_cert_file',
  'ssl_key_file',
  'ssl_ca_file',
  'ssl_crl_file',
  'ssl_crl_dir',
  'ssl_dh_params_file',
];

/**
 * Files and directories that the server needs to start and this host does not have. They are not overridden: without
 * TLS, for example, the copy would take passwords in the clear.
 */
export function absentFiles(
  { values }: Pick<ConfiguredSettings, 'values'>,
  dataDirectory: string,
): AbsentFile[] {
  const isOn = /^(on|true|yes|1)$/i.test(values.get('ssl') ?? '');
  const named = (isOn ? sslFileSettings : []).map(setting => ({ setting, path: values.get(setting) ?? '' }));
  const sockets = (values.get('unix_socket_directories') ?? '')
    .split(',')
    .map(path => ({ setting: 'unix_socket_directories', path: path.trim().replaceAll('"', '') }));
  return [...named, ...sockets].filter(
    ({ path }) => path !== '' && !path.startsWith('@') && !existsSync(resolve(dataDirectory, path)),
  );
}

/** Libraries that do nothing by themselves, or whose jobs are stopped by a setting. */
const knownLibraries: ReadonlySet<string> = new Set([
  ...jobLibraries.map(({ name }) => name),
  ...['auth_delay', 'auto_explain', 'basic_archive', 'citus', 'citus_columnar', 'passwordcheck', 'credcheck'],
  ...['pg_cron', 'pg_hint_plan', 'pg_prewarm', 'pg_qualstats', 'pg_stat_kcache', 'pg_stat_monitor'],
  ...['pg_stat_statements', 'pg_wait_sampling', 'pgaudit', 'plpgsql', 'sepgsql', 'set_user', 'timescaledb'],
]);

/** Preloaded libraries of which nobody has looked whether they start jobs. */
export function unknownLibraries({ values }: Pick<ConfiguredSettings, 'values'>): string[] {
  return librariesIn(values.get('shared_preload_libraries') ?? '')
    .map(libraryName)
    .filter(name => !knownLibraries.has(name));
}
