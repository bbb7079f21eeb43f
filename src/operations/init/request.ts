import type { Secret } from '../../base/secret.ts';
import type { Log } from '../../observe/events/events.ts';

export interface InitRequest {
  readonly cluster: string;
  readonly repositories: readonly InitRepository[];
  /** Absolute. Must not exist. */
  readonly configPath: string;
  readonly dataDirectory: string | undefined;
  readonly encryption: InitEncryption;
  /** Makes the directories of `file://` repositories that do not exist. */
  readonly createDirectory: boolean;
  /** Who PostgreSQL runs as, and so who must be able to read what is written; only root can give files away. */
  readonly owner: Account | undefined;
}

export interface InitRepository {
  readonly name: string;
  readonly url: string;
  /** Of a `file://` repository, as a path. */
  readonly directory: string | undefined;
  readonly accessKeyId?: Secret;
  readonly secrets?: InitSecrets;
  readonly credentialsFile?: string;
  readonly caFile?: string;
}

/** What of a repository's configuration is secret and comes from files. */
export type InitSecretField =
  'secretAccessKey' | 'sessionToken' | 'customerKey' | 'accountKey' | 'sasToken' | 'connectionString';

/** The file is named in the configuration, what it says is not copied into it. */
export type InitSecrets = Readonly<
  Partial<Record<InitSecretField, { readonly file: string; readonly value: Secret }>>
>;

export type InitEncryption =
  | {
      readonly mode: 'openpgp';
      /** Public key files. */
      readonly recipientFiles: readonly string[];
      /** A directory, best on a medium that leaves this host, for a new key pair. */
      readonly generateInto: string | undefined;
      readonly privateKeyPassphrase: Secret | undefined;
    }
  | { readonly mode: 'passphrase'; readonly file: string }
  | { readonly mode: 'none' };

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface InitDependencies {
  /** Creates the repository's format marker, or reads the one that is there. */
  readonly markRepository: (
    repository: InitRepository,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string }>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface InitResult {
  readonly configPath: string;
  readonly repositories: readonly { readonly name: string; readonly url: string; readonly id: string }[];
  /** Fingerprints of the keys that everything is encrypted to. */
  readonly recipients: readonly string[];
  readonly signingKey: { readonly publicPath: string; readonly fingerprint: string };
  /** The private key that was generated and must leave this host. */
  readonly privateKeyPath: string | undefined;
  /** The file whose passphrase everything is encrypted with. */
  readonly passphraseFile: string | undefined;
  /** For postgresql.conf. */
  readonly postgresqlLines: readonly string[];
}
