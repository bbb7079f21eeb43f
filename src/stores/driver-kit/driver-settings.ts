/** The settings of one store; each driver takes those it knows. */
import type { Outsider } from '../../base/files/outsider.ts';
import type { Secret } from '../../base/secret.ts';

export interface DriverSettings {
  /** `file:///path`, `s3://bucket/prefix?…`, `gs://bucket/prefix?…` or `azure://account/container/prefix?…`. */
  readonly url: string;
  readonly accessKeyId?: Secret | undefined;
  readonly secretAccessKey?: Secret | undefined;
  readonly sessionToken?: Secret | undefined;
  /** S3: encryption with a key of ours that the service forgets (SSE-C); 32 bytes in base64. */
  readonly customerKey?: Secret | undefined;
  /** Google Cloud Storage: JSON of a service account or of workload identity federation. */
  readonly credentialsFile?: string | undefined;
  /** Azure: at most one of these three. */
  readonly accountKey?: Secret | undefined;
  readonly sasToken?: Secret | undefined;
  readonly connectionString?: Secret | undefined;
  /** The service's own names (`NEARLINE`, `Cool`), for WAL and for backups. The catalogue keeps the default class. */
  readonly storageClasses?: { readonly wal?: string | undefined; readonly backup?: string | undefined };
  readonly caFile?: string | undefined;
  readonly verifyTls?: boolean | undefined;
  /** How long one request may go without an answer or a moving byte. */
  readonly timeoutMs?: number | undefined;
  /** Read the repository as it was at this time, in milliseconds since 1970, and write nothing. */
  readonly readAtMs?: number | undefined;
  /** A directory, as root: somebody else who may have named it. */
  readonly chosenBy?: Outsider | undefined;
}
