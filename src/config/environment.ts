/** Reads settings from the environment: `compression.level` is WALVAULT_COMPRESSION_LEVEL. An empty variable is unset. */
import { WalvaultError } from '../base/errors/errors.ts';
import { nearestName } from '../base/near.ts';
import type { RawValue } from './raw-value.ts';
import type { Setting } from './setting.ts';
import { repositorySettings } from './repository-settings.ts';
import { settings } from './settings.ts';

export interface EnvironmentSettings {
  readonly settings: ReadonlyMap<string, RawValue>;
  /** By the repository's name in variables (`OFFSITE`); '' for WALVAULT_REPOSITORY_URL and other variables without a name. */
  readonly repositories: ReadonlyMap<string, ReadonlyMap<string, RawValue>>;
}

const prefix = 'WALVAULT_';
const repositoryPrefix = 'WALVAULT_REPOSITORY_';

/** The WALVAULT_ variables that are no settings. */
const otherVariables: ReadonlySet<string> = new Set([
  'WALVAULT_CONFIG',
  'WALVAULT_DEBUG',
  // The agent's client needs it before any configuration is read.
  'WALVAULT_AGENT_DIRECTORY',
]);
const testPrefix = 'WALVAULT_TEST_';

/**
 * What Kubernetes and container links put into the environment for a service by the name of `walvault` or
 * `walvault-…`: WALVAULT_SERVICE_HOST, WALVAULT_PORT=tcp://10.0.0.1:80, WALVAULT_PORT_80_TCP_ADDR ("Service",
 * environment variables).
 */
function isServiceLink(name: string, value: string): boolean {
  return serviceLink.test(name) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value));
}

const serviceLink = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

export function environmentName(key: string): string {
  return prefix + variablePart(key);
}

export function variablePart(name: string): string {
  return name.toUpperCase().replace(/[-.]/g, '_');
}

/**
 * The settings in `env`. A secret may also be given as a file or a command: WALVAULT_ENCRYPTION_PASSPHRASE_FILE, …_COMMAND.
 * @throws WalvaultError `config` for an unknown WALVAULT_ variable
 */
export function readEnvironment(env: NodeJS.ProcessEnv): EnvironmentSettings {
  const names = Object.keys(env).filter(name => name.startsWith(prefix));
  const found = new Map<string, RawValue>();
  const repositories = new Map<string, Map<string, RawValue>>();
  if (names.length === 0) return { settings: found, repositories };
  const known = variableTable(settings);
  const fields = variableTable(repositorySettings);
  for (const name of names) {
    if (otherVariables.has(name) || name.startsWith(testPrefix)) continue;
    const value = env[name] ?? '';
    const setting = known.get(name.slice(prefix.length));
    const inRepository = setting === undefined ? repositoryVariable(name, fields) : undefined;
    const target = setting ?? inRepository?.field;
    if (target === undefined && isServiceLink(name, value)) continue;
    if (target === undefined) throw unknownVariable(name, [...known.keys()]);
    if (value === '') continue;
    const into = inRepository === undefined ? found : repositoryFields(repositories, inRepository.repository);
    into.set(target.key, rawOf(name, target.form === undefined ? value : { [target.form]: value }));
  }
  return { settings: found, repositories };
}

interface Variable {
  readonly key: string;
  readonly form?: 'file' | 'command';
}

function variableTable(table: Record<string, Setting>): Map<string, Variable> {
  const variables = new Map<string, Variable>();
  for (const [key, setting] of Object.entries(table)) {
    const name = variablePart(key);
    variables.set(name, { key });
    if (setting.kind !== 'secret' && setting.kind !== 'secrets') continue;
    variables.set(`${name}_FILE`, { key, form: 'file' });
    variables.set(`${name}_COMMAND`, { key, form: 'command' });
  }
  return variables;
}

/** Splits a variable's name; the longest field wins: `…_OFFSITE_ACCESS_KEY_ID` is access-key-id of OFFSITE, not id of OFFSITE_ACCESS_KEY. */
function repositoryVariable(
  name: string,
  fields: ReadonlyMap<string, Variable>,
): { repository: string; field: Variable } | undefined {
  if (!name.startsWith(repositoryPrefix)) return undefined;
  const rest = name.slice(repositoryPrefix.length);
  const byLength = [...fields].toSorted(([a], [b]) => b.length - a.length);
  for (const [suffix, field] of byLength) {
    if (field.key === 'name') continue;
    if (rest === suffix) return { repository: '', field };
    if (rest.endsWith(`_${suffix}`)) return { repository: rest.slice(0, -suffix.length - 1), field };
  }
  return undefined;
}

function repositoryFields(
  repositories: Map<string, Map<string, RawValue>>,
  name: string,
): Map<string, RawValue> {
  const existing = repositories.get(name) ?? new Map<string, RawValue>();
  repositories.set(name, existing);
  return existing;
}

function rawOf(name: string, value: unknown): RawValue {
  return {
    value,
    label: `${name} in the environment`,
    origin: name,
    directory: process.cwd(),
    isPrivate: true,
  };
}

function unknownVariable(name: string, known: readonly string[]): WalvaultError {
  const candidates = [
    ...known.map(part => prefix + part),
    ...otherVariables,
    ...Object.keys(repositorySettings).map(field => repositoryPrefix + variablePart(field)),
  ];
  const near = nearestName(name, candidates);
  return new WalvaultError('config', `unknown setting ${name} in the environment`, {
    hint:
      near === undefined
        ? 'Unset it: every WALVAULT_ variable must be a setting, so that a mistyped one is noticed.'
        : `Did you mean ${near}?`,
  });
}
