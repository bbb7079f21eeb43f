/** Finds the configuration, merges file and environment, and validates the result. */
import { defaultConfigPath } from '../base/default-config.ts';
import { WalvaultError } from '../base/errors/errors.ts';
import type { Secret } from '../base/secret.ts';
import { assembleConfig, checkTogether } from './assemble.ts';
import { noteWhoChose, refuseWhatOthersChose } from './chosen-by-others.ts';
import { readConfigFile, type ConfigFile } from './config-file.ts';
import type { LoadedConfig } from './config.ts';
import { environmentName, readEnvironment, type EnvironmentSettings } from './environment.ts';
import { externalSources } from './external-sources.ts';
import type { RawValue } from './raw-value.ts';
import { mergeRepositories } from './repositories.ts';
import type { SecretReading } from './secret-source.ts';
import type { Setting, ValuesOf } from './setting.ts';
import { repositorySettings } from './repository-settings.ts';
import { settings } from './settings.ts';
import { readValue } from './value.ts';

export interface LoadOptions {
  /** The path from `--config`. Otherwise WALVAULT_CONFIG, otherwise `defaultPath` if it exists. */
  readonly path?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly defaultPath?: string | undefined;
  /** Told of each secret as soon as it is known, so that it is hidden in all output. */
  readonly onSecret?: (secret: Secret) => void;
}

/**
 * Every setting from its default, the file, and the environment; the later source wins. Secrets are read when they are
 * used.
 * @throws WalvaultError `config`: one clear line, never with the value of a secret
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { env } = options;
  const environment = readEnvironment(env);
  const file = await findFile(options, environment);
  const origins = new Map<string, string>();
  const files = new Set<string>();
  const secretFiles = new Set<string>();
  const namedSecretFiles: NamedFile[] = [];
  const variables = new Set<string>();
  const raw = new Map([...(file?.settings ?? []), ...environment.settings]);
  const merged = mergeRepositories(file?.repositories ?? [], environment.repositories);
  const reading = { env, onSecret: options.onSecret ?? (() => undefined) };
  const context: TableContext = {
    reading,
    origins,
    files,
    secretFiles,
    namedSecretFiles,
    variables,
    prefix: '',
    path: file?.path,
  };
  const values = readTable(settings, raw, context);
  const repositories = merged.map(({ name, fields }) => ({
    ...readTable(repositorySettings, fields, { ...context, prefix: `repository.${name}.` }),
    name,
  }));
  const config = noteWhoChose(assembleConfig(values, repositories), raw, merged);
  checkTogether(config, file?.path);
  await refuseWhatOthersChose(namedSecretFiles, merged);
  const shown = new Map<string, unknown>(Object.entries(values));
  shown.set('encryption.backup-recipients', config.encryption.backupRecipients);
  shown.set('signing.verify', config.signing.verify);
  for (const repository of repositories)
    for (const [field, value] of Object.entries(repository))
      shown.set(`repository.${repository.name}.${field}`, value);
  return {
    config,
    path: file?.path,
    origins,
    values: shown,
    files: [...files],
    secretFiles: [...secretFiles],
    variables: [...variables],
  };
}

async function findFile(
  options: LoadOptions,
  environment: EnvironmentSettings,
): Promise<ConfigFile | undefined> {
  const named = options.path ?? (options.env['WALVAULT_CONFIG'] || undefined);
  if (named !== undefined) {
    const file = await readConfigFile(named);
    if (file !== undefined) return file;
    const by = options.path === undefined ? ' (named by WALVAULT_CONFIG)' : '';
    throw new WalvaultError('config', `configuration file ${named}${by} does not exist`, { hint: initHint });
  }
  const fallback = options.defaultPath ?? defaultConfigPath;
  const file = await readConfigFile(fallback);
  if (file === undefined && environment.settings.size === 0 && environment.repositories.size === 0)
    throw new WalvaultError('config', `no configuration: ${fallback} does not exist`, { hint: initHint });
  return file;
}

const initHint =
  'Run "walvault init" to make one, name it with --config or WALVAULT_CONFIG, or set WALVAULT_CLUSTER and WALVAULT_REPOSITORY_URL.';

interface NamedFile {
  readonly path: string;
  readonly raw: RawValue;
}

interface TableContext {
  readonly reading: SecretReading;
  readonly origins: Map<string, string>;
  readonly files: Set<string>;
  readonly secretFiles: Set<string>;
  /** Those that a setting of their own names. */
  readonly namedSecretFiles: NamedFile[];
  readonly variables: Set<string>;
  readonly prefix: string;
  readonly path: string | undefined;
}

function readTable<T extends Record<string, Setting>>(
  table: T,
  raw: ReadonlyMap<string, RawValue>,
  context: TableContext,
): ValuesOf<T> {
  const { reading, origins, prefix, path } = context;
  const entries = Object.entries(table).map(([key, setting]: [string, Setting]): [string, unknown] => {
    const given = raw.get(key);
    origins.set(prefix + key, given?.origin ?? 'default');
    if (given !== undefined) {
      const sources = externalSources(setting, given);
      for (const file of sources.files) context.files.add(file);
      for (const path of sources.secretFiles) {
        context.secretFiles.add(path);
        if (setting.isSecretFile === true) context.namedSecretFiles.push({ path, raw: given });
      }
      for (const variable of sources.variables) context.variables.add(variable);
      return [key, readValue(setting, given, reading)];
    }
    if (setting.required === true) throw missing(prefix + key, path);
    if (setting.default === undefined) return [key, isList(setting) ? [] : undefined];
    return [key, readValue(setting, defaultOf(key, setting), reading)];
  });
  return Object.fromEntries(entries) as ValuesOf<T>;
}

function isList({ kind }: Setting): boolean {
  return kind === 'paths' || kind === 'secrets';
}

function defaultOf(key: string, setting: Setting): RawValue {
  return {
    value: setting.default,
    label: `default of ${key}`,
    origin: 'default',
    directory: '/',
    isPrivate: true,
  };
}

function missing(key: string, path: string | undefined): WalvaultError {
  const where = path === undefined ? '' : `Add it to ${path}, or set`;
  return new WalvaultError('config', `setting "${key}" is missing`, {
    hint: `${where === '' ? 'Set' : where} ${environmentName(key)}.`,
  });
}
