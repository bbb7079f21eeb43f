/** The types of the configuration. */
import type { Outsider } from '../base/files/outsider.ts';
import type { LogLevel } from '../base/log-level.ts';
import type { SecretSource } from '../base/secret.ts';
import type { RetentionPolicy } from './retention-policy.ts';

export interface RepositoryConfig {
  readonly name: string;
  readonly url: string;
  /** The required id in `walvault.json`, if the configuration sets one. */
  readonly id: string | undefined;
  /** A push succeeds only when the file is durable in every required repository. */
  readonly required: boolean;
  readonly accessKeyId?: SecretSource;
  readonly secretAccessKey?: SecretSource;
  readonly sessionToken?: SecretSource;
  readonly customerKey?: SecretSource;
  readonly credentialsFile?: string;
  readonly accountKey?: SecretSource;
  readonly sasToken?: SecretSource;
  readonly connectionString?: SecretSource;
  readonly storageClasses?: { readonly wal: string | undefined; readonly backup: string | undefined };
  /** Of a GiB in a month, in any currency. */
  readonly pricePerGib?: number;
  readonly caFile?: string;
  readonly verifyTls: boolean;
  /** From the command line: read the repository as it was at this time, in milliseconds since 1970. */
  readonly readAtMs?: number;
  /** It feeds one standby and holds no backups. */
  readonly standbyOnly?: boolean;
  /** What this repository keeps in place of the general policy. */
  readonly retention?: Partial<RetentionPolicy>;
  /** As root: somebody else who may change the URL. */
  readonly chosenBy?: Outsider;
}

/** The configuration in force: validated, defaults filled in, paths absolute. Secrets are read when they are used. */
export type BackupTypeSetting = 'full' | 'differential' | 'incremental' | 'auto';

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
    /** File paths; default: the WAL recipients. */
    readonly backupRecipients: readonly string[];
    /** The first encrypts; all are tried for reading. */
    readonly passphrases: readonly SecretSource[];
    readonly privateKeys: readonly string[];
    /** Each is tried for each private key. */
    readonly privateKeyPassphrases: readonly SecretSource[];
    /** Opens what hosts of this cluster store for themselves; undefined: they store nothing of the kind. */
    readonly hostSecret?: SecretSource | undefined;
  };
  readonly signing: {
    readonly key: string | undefined;
    readonly passphrase: SecretSource | undefined;
    readonly verify: 'require' | 'warn' | 'off';
    readonly trustedSigners: readonly string[];
  };
  readonly archive: {
    readonly timeoutMs: number;
    readonly headerCheck: boolean;
    /** Bytes of waiting WAL above which WAL is given up; undefined: no WAL is ever given up. */
    readonly queueLimitBytes?: number | undefined;
    /** How many files the agent sends at the same time. */
    readonly jobs: number;
    /** True: the agent marks files as archived that it has sent ahead. */
    readonly batch: boolean;
  };
  readonly agent: { readonly mode: 'auto' | 'off'; readonly idleTimeoutMs: number };
  readonly fetch: {
    readonly timeoutMs: number;
    readonly standbyTimeoutMs: number;
    /** How many bytes the agent fetches ahead; 0: none. */
    readonly prefetchBytes: number;
    /** How many files the agent fetches ahead at the same time. */
    readonly jobs: number;
  };
  readonly store: {
    readonly requestTimeoutMs: number;
    /** The most requests to one repository at the same time. */
    readonly maxRequests?: number | undefined;
    /** The limit for all repositories together; undefined: no limit. */
    readonly uploadBytesPerSecond?: number | undefined;
    readonly downloadBytesPerSecond?: number | undefined;
  };
  readonly log: {
    readonly format: 'text' | 'json';
    readonly file: string | undefined;
    /** As root: somebody else who may name another file. */
    readonly fileChosenBy?: Outsider;
    readonly level: LogLevel;
  };
  readonly backup: {
    readonly partSizeBytes: number;
    /** Undefined: by the number of processors. */
    readonly jobs: number | undefined;
    /** The most bytes read from the data directory in a second. */
    readonly bytesPerSecond: number | undefined;
    readonly lowPriority: boolean;
    readonly manifestChecksums: ManifestChecksums;
    readonly walTimeoutMs: number;
    readonly checkPages: boolean;
    readonly nameMap: boolean;
    readonly fastCheckpoint: boolean;
    readonly type: BackupTypeSetting;
    readonly fullEveryMs: number;
    readonly differentialEveryMs: number;
    /** 0 to 1. */
    readonly mostChangedShare: number;
    readonly walSummaries: 'auto' | 'off';
    readonly auditEveryMs: number;
  };
  readonly restore: {
    /** Undefined: by the number of processors. */
    readonly jobs: number | undefined;
  };
  /** For the repositories without rules of their own. */
  readonly retention: RetentionPolicy;
  readonly status: {
    /** How often a backup is expected; undefined: none is. */
    readonly backupIntervalMs: number | undefined;
    readonly maxLagMs: number;
  };
  readonly postgres: {
    /** A libpq connection string or URI; undefined: libpq's environment. */
    readonly connection: SecretSource | undefined;
    /** The same for the primary, where the server is a standby; undefined: the primary is not asked for anything. */
    readonly primaryConnection: SecretSource | undefined;
  };
}

/** The checksums in PostgreSQL's own manifest of a backup. */
export type ManifestChecksums = 'crc32c' | 'sha256';

export interface LoadedConfig {
  readonly config: Config;
  /** The path of the file; undefined if the whole configuration comes from the environment. */
  readonly path: string | undefined;
  /** The origin of each setting (`compression.level`, `repository.main.url`): `default`, `FILE:LINE` or a variable's name. */
  readonly origins: ReadonlyMap<string, string>;
  /** The value of each setting, with the type in the table; for display only. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Absolute paths of the files that settings name: keys, certificates, secrets. */
  readonly files: readonly string[];
  /** Those of the files that hold a secret, and must be closed to others. */
  readonly secretFiles: readonly string[];
  /** The names of the variables that hold secrets. */
  readonly variables: readonly string[];
}
