import type { Secret } from '../base/secret.ts';

export interface RepositoryConfig {
  readonly name: string;
  readonly url: string;
  /** The id in `walvault.json`, if the configuration pins one. */
  readonly id: string | undefined;
  /** A push succeeds only when the file is durable in every required repository. */
  readonly required: boolean;
  readonly accessKeyId?: Secret;
  readonly secretAccessKey?: Secret;
  readonly sessionToken?: Secret;
  readonly customerKey?: Secret;
  readonly credentialsFile?: string;
  readonly accountKey?: Secret;
  readonly sasToken?: Secret;
  readonly connectionString?: Secret;
  readonly storageClasses?: { readonly wal: string | undefined; readonly backup: string | undefined };
  readonly caFile?: string;
  readonly verifyTls: boolean;
}

/** The configuration in force: validated, defaults filled in, paths absolute, secrets read. */
export interface Config {
  readonly cluster: string;
  readonly dataDirectory: string | undefined;
  /** At least one, and at least one of them required. */
  readonly repositories: readonly RepositoryConfig[];
  /** zstd level; 0 = off. */
  readonly compressionLevel: number;
  readonly encryption: {
    readonly mode: 'openpgp' | 'passphrase' | 'none';
    /** File paths. May be empty on a host that only restores. */
    readonly walRecipients: readonly string[];
    /** File paths; the WAL recipients where not set apart. */
    readonly backupRecipients: readonly string[];
    readonly passphrase: Secret | undefined;
    readonly privateKeys: readonly string[];
    readonly privateKeyPassphrase: Secret | undefined;
  };
  readonly signing: {
    readonly key: string | undefined;
    readonly passphrase: Secret | undefined;
    readonly verify: 'require' | 'warn' | 'off';
    readonly trustedSigners: readonly string[];
  };
  readonly archive: {
    readonly timeoutMs: number;
    readonly headerCheck: boolean;
    /** Undefined: no WAL is ever given up. */
    readonly queueLimitBytes?: number | undefined;
    /** Files that the agent sends side by side. */
    readonly jobs: number;
    /** The agent marks as archived what it has sent ahead. */
    readonly batch: boolean;
  };
  readonly agent: { readonly mode: 'auto' | 'off'; readonly idleTimeoutMs: number };
  readonly fetch: {
    readonly timeoutMs: number;
    readonly standbyTimeoutMs: number;
    /** Fetched ahead by the agent; 0: nothing is. */
    readonly prefetchBytes: number;
    /** Fetched ahead side by side. */
    readonly jobs: number;
  };
  readonly store: {
    readonly requestTimeoutMs: number;
    /** In flight to one repository. */
    readonly maxRequests?: number | undefined;
    /** A second, all repositories together; undefined: no limit. */
    readonly uploadBytesPerSecond?: number | undefined;
    readonly downloadBytesPerSecond?: number | undefined;
  };
  readonly backup: {
    readonly partSizeBytes: number;
    readonly walTimeoutMs: number;
    readonly checkPages: boolean;
    readonly fastCheckpoint: boolean;
  };
  readonly retention: {
    readonly keepLast: number | undefined;
    readonly keepWithinMs: number | undefined;
    readonly minimumBackups: number;
  };
  /** libpq string or URI; undefined: libpq's environment. */
  readonly postgres: { readonly connection: Secret | undefined };
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file it came from; undefined when the environment alone made it. */
  readonly path: string | undefined;
  /** Setting (`compression.level`, `repository.main.url`) to `default`, `FILE:LINE` or a variable's name. */
  readonly origins: ReadonlyMap<string, string>;
  /** The same names to the values, typed as the table says; for showing, not for deciding. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Absolute paths of the files that settings name: keys, certificates, secrets. */
  readonly files: readonly string[];
  /** Names in the environment that secrets are taken from. */
  readonly variables: readonly string[];
}
