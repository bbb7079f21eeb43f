/** The table of a repository's settings: the fields of `[[repository]]` and the variables WALVAULT_REPOSITORY_…. */
import { ownRetention } from './retention-settings.ts';
import type { Setting, ValuesOf } from './setting.ts';

export const repositorySettings = {
  name: {
    kind: 'name',
    help: 'Short name for messages and environment variables. May be left out where there is one repository: "main".',
    example: '"offsite"',
  },
  url: {
    kind: 'url',
    required: true,
    help: 'Where the objects are kept: file:///path, s3://bucket/prefix?region=…&endpoint=…&path-style=true, gs://bucket/prefix?endpoint=…&project=… or azure://account/container/prefix?endpoint=….',
    example: '"s3://acme-wal/pg?region=eu-central-1"',
  },
  id: {
    kind: 'text',
    help: 'Identity of the repository, written by init. With it an unmounted or exchanged repository is recognised.',
    example: '"3f2a9c51e07b4d68"',
  },
  required: {
    kind: 'switch',
    default: 'on',
    help: 'A push succeeds only when the file is durable in every required repository. Off: this one is best effort.',
    example: 'false',
  },
  'access-key-id': {
    kind: 'secret',
    help: "S3 access key. Unset: the SDK's own chain (environment, shared files, instance role).",
    example: '{ env = "BACKUP_ACCESS_KEY" }',
  },
  'secret-access-key': {
    kind: 'secret',
    help: 'S3 secret key.',
    example: '{ file = "/etc/walvault/s3-secret" }',
  },
  'session-token': {
    kind: 'secret',
    help: 'S3 session token of temporary credentials.',
    example: '{ command = "fetch-token" }',
  },
  'customer-key': {
    kind: 'secret',
    help: 'S3: the service encrypts what it keeps with this key and forgets it (SSE-C); 32 bytes in base64. Without it nothing can be read again.',
    example: '{ file = "/etc/walvault/s3-customer-key" }',
  },
  'credentials-file': {
    kind: 'path',
    isSecretFile: true,
    help: 'Google Cloud Storage: JSON file of a service account or of workload identity federation. Unset: application default credentials.',
    example: '"/etc/walvault/gcs-account.json"',
  },
  'account-key': {
    kind: 'secret',
    help: "Azure: a key of the storage account. Where neither it nor one of the next two is set: AZURE_STORAGE_KEY and its like, then the host's managed or workload identity.",
    example: '{ file = "/etc/walvault/azure-key" }',
  },
  'sas-token': {
    kind: 'secret',
    help: 'Azure: a shared access signature for the container, in place of a key.',
    example: '{ file = "/etc/walvault/azure-sas" }',
  },
  'connection-string': {
    kind: 'secret',
    help: 'Azure: a connection string with a key or a signature, in place of either.',
    example: '{ env = "BACKUP_AZURE_CONNECTION" }',
  },
  'wal-storage-class': {
    kind: 'text',
    help: "Storage class of new WAL objects, in the service's own words (S3 STANDARD_IA, Google NEARLINE, Azure Cool). Unset: the bucket's default. Recovery reads them without waiting only from classes that need no thaw; histories stay in the default class.",
    example: '"STANDARD_IA"',
  },
  'backup-storage-class': {
    kind: 'text',
    help: "Storage class of new backup parts. Manifests and the catalogue always stay in the bucket's default class.",
    example: '"NEARLINE"',
  },
  'price-per-gib': {
    kind: 'decimal',
    min: 0,
    help: 'What a GiB costs here in a month. Unset: status.price-per-gib.',
    example: '0.0125',
  },
  'ca-file': {
    kind: 'path',
    help: "PEM file with certificate authorities to trust for this repository, in place of the system's.",
    example: '"/etc/ssl/private-ca.pem"',
  },
  'verify-tls': {
    kind: 'switch',
    default: 'on',
    help: "Verify the store's TLS certificate. Off allows an endpoint of http as well, which is refused unless it is on this host.",
    example: '"off"',
  },
  'standby-only': {
    kind: 'switch',
    default: 'off',
    help: 'This repository feeds one standby and holds no backups: `cleanup --standby %r` removes the WAL that the standby has passed. Off: it never touches it.',
    example: '"on"',
  },
  ...ownRetention,
} as const satisfies Record<string, Setting>;

export type RepositoryField = keyof typeof repositorySettings;
export type RepositoryValues = ValuesOf<typeof repositorySettings>;
