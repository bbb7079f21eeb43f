/** The request that `init` works on, and its result. */
import type { Secret } from '../../base/secret.ts';
import type { Log } from '../../observe/events/events.ts';

export interface InitRequest {
  readonly cluster: string;
  readonly repositories: readonly InitRepository[];
  /** The absolute path of a file that must not exist yet. */
  readonly configPath: string;
  readonly dataDirectory: string | undefined;
  readonly encryption: InitEncryption;
  /** The retention policy to write, as it was given; undefined: none. */
  readonly recoveryWindow?: string | undefined;
  /** Whether missing directories of `file://` repositories are made. */
  readonly createDirectory: boolean;
  /** PostgreSQL's user, who must be able to read the written files; only root can give files away. */
  readonly owner: Account | undefined;
}

export interface InitRepository {
  readonly name: string;
  readonly url: string;
  /** The path of a `file://` repository. */
  readonly directory: string | undefined;
  readonly accessKeyId?: Secret;
  readonly secrets?: InitSecrets;
  readonly credentialsFile?: string;
  readonly caFile?: string;
}

/** The repository settings that are secret and come from files. */
export type InitSecretField =
  'secretAccessKey' | 'sessionToken' | 'customerKey' | 'accountKey' | 'sasToken' | 'connectionString';

/** The files with secrets. The configuration names each file and has no copy of its content. */
export type InitSecrets = Readonly<
  Partial<Record<InitSecretField, { readonly file: string; readonly value: Secret }>>
>;

export type InitEncryption =
  | {
      readonly mode: 'openpgp';
      /** Public key files. */
      readonly recipientFiles: readonly string[];
      /** A directory for a new key pair, best on a medium that leaves this host. */
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
  /** Creates the repository's format marker, or reads the existing one. */
  readonly markRepository: (
    repository: InitRepository,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string }>;
  /** The command that runs this walvault. */
  readonly program: readonly string[];
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface InitResult {
  readonly configPath: string;
  readonly repositories: readonly { readonly name: string; readonly url: string; readonly id: string }[];
  /** Fingerprints of the keys to which all objects are encrypted. */
  readonly recipients: readonly string[];
  readonly signingKey: { readonly publicPath: string; readonly fingerprint: string };
  /** The path of the generated private key, which must leave this host. */
  readonly privateKeyPath: string | undefined;
  /** The file with the passphrase that encrypts all objects. */
  readonly passphraseFile: string | undefined;
  /** Lines for postgresql.conf. */
  readonly postgresqlLines: readonly string[];
}
