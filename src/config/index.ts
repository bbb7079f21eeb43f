/** The configuration: one table of settings, read from a TOML file and the environment. */
export type { Config, LoadedConfig, ManifestChecksums, RepositoryConfig } from './config.ts';
export { defaultConfigPath } from '../base/default-config.ts';
export { loadConfig } from './load.ts';
export { atRepositoryTime } from './repository-time.ts';
export { describeSettings } from './describe.ts';
export { ConfiguredSecret, type SecretReading, type SecretRecipe } from './secret-source.ts';
export { renderConfigFile, type ConfigFileContent } from './template.ts';
export { isClusterName } from './value.ts';
export {
  hasRules,
  overridden,
  retentionFor,
  rulesOf,
  type RetentionPolicy,
  type RetentionRules,
} from './retention-policy.ts';
