/**
 * The one table of settings; those of a repository are in repository-settings.ts, those of retention in retention-settings.ts. Types, defaults, validation, environment
 * names, `config show` and the reference page all come from here.
 */
import { objectBounds } from '../base/bounds.ts';
import { logLevels } from '../base/log-level.ts';
import { generalRetention } from './retention-settings.ts';
import type { Setting, ValuesOf } from './setting.ts';

export const settings = {
  cluster: {
    kind: 'name',
    required: true,
    help: 'Name of the database cluster in the repository. Servers of one replication group share it.',
    example: '"orders"',
  },
  'data-directory': {
    kind: 'path',
    help: 'The data directory of the cluster. Only needed where it cannot be found from the working directory (commands run by hand).',
    example: '"/var/lib/postgresql/15/main"',
  },
  'compression.level': {
    kind: 'integer',
    min: 0,
    max: 19,
    default: 1,
    help: 'zstd level for WAL and backups; 0 stores uncompressed. Level 3 costs twice the CPU of level 1 and saves little on WAL.',
    example: '3',
  },
  'encryption.mode': {
    kind: 'choice',
    choices: ['openpgp', 'passphrase', 'none'],
    default: 'openpgp',
    help: 'How new objects are encrypted: to public keys, with a passphrase, or not at all. Reading never depends on it.',
    example: '"openpgp"',
  },
  'encryption.wal-recipients': {
    kind: 'paths',
    help: 'Files with the OpenPGP public keys that WAL is encrypted to. At least one private key must live on another machine.',
    example: '["/etc/walvault-keys/recovery.asc"]',
  },
  'encryption.backup-recipients': {
    kind: 'paths',
    help: 'Files with the OpenPGP public keys that backups are encrypted to. Unset: the same as wal-recipients.',
    example: '["/etc/walvault-keys/recovery.asc"]',
  },
  'encryption.passphrase': {
    kind: 'secrets',
    help: 'The passphrase of mode "passphrase". A host that holds it can read the whole archive. At least 15 characters, since it can be guessed at leisure. After a change keep the old ones behind it: the first of a list encrypts, all are tried in turn for reading.',
    example: '{ file = "/etc/walvault/passphrase" }',
  },
  'encryption.private-keys': {
    kind: 'paths',
    isSecretFile: true,
    help: 'Files with OpenPGP private keys for reading (fetch, restore). A host that only archives needs none.',
    example: '["/root/recovery-private.asc"]',
  },
  'encryption.private-key-passphrase': {
    kind: 'secrets',
    help: 'Opens the private keys, where they are protected by one; of a list each is tried for each key. Only what reads the archive asks for it.',
    example: '{ command = "pass show walvault/recovery" }',
  },
  'encryption.host-secret': {
    kind: 'secret',
    help: 'With this secret, 64 hex digits, a host reads what it stored of its own earlier backups, without a private key: an interrupted backup goes on from its finished parts. The hosts of one replication group share it. It opens no data. Unset: every backup begins anew.',
    example: '{ file = "/etc/walvault-keys/host-secret" }',
  },
  'signing.key': {
    kind: 'path',
    isSecretFile: true,
    help: "File with this host's OpenPGP private signing key. Unset: what this host writes is not signed.",
    example: '"/etc/walvault-keys/signing-private.asc"',
  },
  'signing.passphrase': {
    kind: 'secret',
    help: 'Opens the signing key, where it is protected by one.',
    example: '{ file = "/etc/walvault/signing-passphrase" }',
  },
  'signing.verify': {
    kind: 'choice',
    choices: ['require', 'warn', 'off'],
    help: 'What reading does with an object that no trusted signer signed: refuse it, warn, or nothing. Unset: "require" if trusted-signers names a key, else "warn", which is for archives that were never signed.',
    example: '"require"',
  },
  'signing.trusted-signers': {
    kind: 'paths',
    help: 'Files with the public signing keys of the hosts whose objects are trusted.',
    example: '["/etc/walvault-keys/signing-public.asc"]',
  },
  'archive.timeout': {
    kind: 'duration',
    min: 1000,
    default: '30s',
    help: 'Longest time one push may take, retries included; a file above 32 MiB may take longer while it is being sent. PostgreSQL tries again by itself; a push that hangs blocks its shutdown.',
    example: '"60s"',
  },
  'archive.header-check': {
    kind: 'switch',
    default: 'on',
    help: 'Compare the page header of a segment with its name and with the cluster before sending it. Off only for servers that encrypt their WAL.',
    example: '"off"',
  },
  'archive.queue-limit': {
    kind: 'size',
    min: 1024 ** 2,
    help: 'When more WAL than this waits to be archived and a required repository is out of reach, push gives up the oldest segment instead of letting the disk fill: no recovery can cross that gap (docs/queue-limit.md). Unset: never.',
    example: '"200GiB"',
  },
  'archive.jobs': {
    kind: 'integer',
    min: 1,
    max: 32,
    default: 4,
    help: 'How many WAL files the agent sends side by side at most; fewer where they would need too much memory.',
    example: '2',
  },
  'archive.batch': {
    kind: 'switch',
    default: 'off',
    help: 'Let the agent tell PostgreSQL by itself of files that it has sent ahead, so that no process is started for them. pg_stat_archiver does not count those.',
    example: '"on"',
  },
  'agent.mode': {
    kind: 'choice',
    choices: ['auto', 'off'],
    default: 'auto',
    help: 'Whether push and fetch start a resident helper that sends files ahead, fetches ahead of a recovery, and answers those that follow (docs/agent.md).',
    example: '"off"',
  },
  'agent.idle-timeout': {
    kind: 'duration',
    min: 1000,
    default: '10min',
    help: 'After this time without a question the agent leaves; the next push or fetch starts another.',
    example: '"1h"',
  },
  'fetch.timeout': {
    kind: 'duration',
    min: 1000,
    default: '60s',
    help: 'How long fetch retries during a point-in-time recovery before it gives up; on a standby the same for a history, but no more than 20 s. A file that is arriving may take longer.',
    example: '"5min"',
  },
  'fetch.standby-timeout': {
    kind: 'duration',
    min: 100,
    default: '5s',
    help: 'How long fetch retries on a standby, which asks again by itself. A file that is arriving may take longer.',
    example: '"2s"',
  },
  'fetch.prefetch': {
    kind: 'size',
    max: objectBounds.part.limitBytes,
    default: '256MiB',
    help: 'How much WAL the agent fetches ahead of a recovery, into a directory in pg_wal; at least one segment, and only while twice as much space is free there. 0: nothing.',
    example: '"1GiB"',
  },
  'fetch.jobs': {
    kind: 'integer',
    min: 1,
    max: 32,
    default: 4,
    help: 'How many segments the agent fetches ahead side by side at most.',
    example: '2',
  },
  'store.request-timeout': {
    kind: 'duration',
    min: 100,
    default: '20s',
    help: 'Longest time one request to a store may take.',
    example: '"60s"',
  },
  'store.max-requests': {
    kind: 'integer',
    min: 1,
    max: 1000,
    default: 32,
    help: 'How many requests one command has in flight to one repository at most; further ones wait.',
    example: '8',
  },
  'store.limit-rate-upload': {
    kind: 'size',
    min: 128 * 1024,
    help: 'Bytes a second that one command sends at most, to all repositories together. A part of an upload still travels at once.',
    example: '"20MiB"',
  },
  'store.limit-rate-download': {
    kind: 'size',
    min: 128 * 1024,
    help: 'Bytes a second that one command receives at most, from all repositories together.',
    example: '"50MiB"',
  },
  'log.format': {
    kind: 'choice',
    choices: ['text', 'json'],
    default: 'text',
    help: 'How events are written to standard error and to the log file: lines for people, or one JSON object a line (docs/reference/json.md).',
    example: '"json"',
  },
  'log.file': {
    kind: 'path',
    isOutput: true,
    help: 'File to which every command and the agent append their events, besides standard error (docs/log-file.md). A file that cannot be written is a warning, never a failure.',
    example: '"/var/log/walvault/walvault.log"',
  },
  'log.level': {
    kind: 'choice',
    choices: logLevels,
    default: 'info',
    help: 'The least important events that the log file keeps. Standard error follows --quiet and --verbose.',
    example: '"debug"',
  },
  'backup.part-size': {
    kind: 'size',
    min: 1024 ** 2,
    max: objectBounds.part.limitBytes,
    default: '256MiB',
    help: 'Size at which a backup starts its next part, counted before compression.',
    example: '"1GiB"',
  },
  'backup.jobs': {
    kind: 'integer',
    min: 1,
    max: 32,
    help: 'How many parts of a backup are read, compressed and sent side by side, each by a thread. Unset: one for each processor, at most 8.',
    example: '2',
  },
  'backup.limit-rate': {
    kind: 'size',
    min: 128 * 1024,
    help: 'How many bytes a second a backup reads from the data directory at most. Uploads have a limit of their own, store.limit-rate-upload.',
    example: '"50MiB"',
  },
  'backup.low-priority': {
    kind: 'switch',
    default: 'off',
    help: 'Give the backup the lowest priority for processors, from which Linux derives its priority for disks where their scheduler knows any (bfq).',
    example: '"on"',
  },
  'backup.manifest-checksums': {
    kind: 'choice',
    choices: ['crc32c', 'sha256'],
    default: 'crc32c',
    help: "Checksums in PostgreSQL's backup_manifest, which pg_verifybackup reads. walvault's own manifest has the SHA-256 of each file in any case.",
    example: '"sha256"',
  },
  'backup.wal-timeout': {
    kind: 'duration',
    min: 1000,
    default: '5min',
    help: 'How long a backup waits at its end for its WAL to arrive in every required repository.',
    example: '"30min"',
  },
  'backup.check-pages': {
    kind: 'switch',
    default: 'on',
    help: 'Verify the checksum of every page while it is read, where the cluster has data checksums.',
    example: '"off"',
  },
  'backup.name-map': {
    kind: 'switch',
    default: 'on',
    help: 'Store with each backup which table each file belongs to, and what each database holds. It connects to every database.',
    example: '"off"',
  },
  'backup.fast-checkpoint': {
    kind: 'switch',
    default: 'off',
    help: 'Start a backup with an immediate checkpoint instead of waiting for a spread one.',
    example: '"on"',
  },
  'backup.type': {
    kind: 'choice',
    choices: ['full', 'differential', 'incremental', 'auto'],
    default: 'full',
    help: 'What `walvault backup` takes: a full backup, a differential one (what has changed since the last full one), an incremental one (since the last differential), or what is due.',
    example: '"auto"',
  },
  'backup.full-every': {
    kind: 'duration',
    min: 60_000,
    default: '7d',
    help: 'With `backup.type = "auto"`: how old the last full backup may become.',
    example: '"30d"',
  },
  'backup.differential-every': {
    kind: 'duration',
    min: 60_000,
    default: '1d',
    help: 'With `backup.type = "auto"`: how old the last differential backup may become.',
    example: '"12h"',
  },
  'backup.most-changed': {
    kind: 'integer',
    min: 1,
    max: 100,
    default: '50',
    help: 'With `backup.type = "auto"`: the percentage of the full backup that a differential one may have before the next is a full one.',
    example: '30',
  },
  'backup.wal-summaries': {
    kind: 'choice',
    choices: ['auto', 'off'],
    default: 'auto',
    help: 'Whether an incremental backup finds what has changed in the WAL summaries of PostgreSQL 17 and later (`summarize_wal`), where they can be trusted, instead of reading all data files.',
    example: '"off"',
  },
  'backup.audit-every': {
    kind: 'duration',
    min: 0,
    default: '7d',
    help: 'How long incremental backups rely on WAL summaries before one of them reads everything, and compares. "0s": each one does.',
    example: '"1d"',
  },
  'restore.jobs': {
    kind: 'integer',
    min: 1,
    max: 32,
    help: 'How many parts of a backup are fetched, unpacked and written side by side, each by a thread that takes some 80 MiB of memory. Unset: one for each processor, at most 8.',
    example: '4',
  },
  ...generalRetention,
  'status.backup-interval': {
    kind: 'duration',
    min: 60_000,
    help: 'How often a backup is expected. `status`, `list` and `check` tell of a cluster that archives WAL and has had none for longer. Unset: none is expected.',
    example: '"1d"',
  },
  'status.max-lag': {
    kind: 'duration',
    min: 1000,
    default: '15min',
    help: 'How old WAL that is not archived yet may become before `status` warns; four times as old is critical. On a quiet server archive_timeout decides how old it becomes.',
    example: '"5min"',
  },
  'status.price-per-gib': {
    kind: 'decimal',
    min: 0,
    help: 'What a GiB costs in a month, in any currency: `status` then shows what the archive costs. A repository may have a price of its own.',
    example: '0.023',
  },
  'postgres.connection': {
    kind: 'secret',
    isSecretText: holdsPassword,
    help: "How to connect to the server: a libpq string or URI. Unset: libpq's environment (PGHOST, PGSERVICE, .pgpass and so on). docs/connection.md has the options.",
    example: '"host=/var/run/postgresql port=5432 dbname=postgres"',
  },
  'postgres.primary-connection': {
    kind: 'secret',
    isSecretText: holdsPassword,
    help: 'For backups from a standby: how to connect to its primary, which then ends the WAL segments that the backup needs, also when it is idle. A server that is no standby ignores it.',
    example: '"host=db1 port=5432 user=walvault dbname=postgres"',
  },
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof settings;
export type SettingValues = ValuesOf<typeof settings>;

/** True if a libpq connection string or URI holds a password. */
function holdsPassword(text: string): boolean {
  return /\bpassword\s*=/i.test(text) || /^[a-z]+:\/\/[^/@]*:[^/@]+@/i.test(text);
}
