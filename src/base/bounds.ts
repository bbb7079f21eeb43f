/**
 * The limit of everything that is read from outside: a store, `pg_wal`, a service, a file of the host. What exceeds it is
 * damaged, or refused. docs/security-bounds.md is made from this table.
 */

const kibibyte = 1024;
const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** A bound that is the same everywhere. */
interface FixedBound {
  readonly what: string;
  readonly limitBytes: number;
}

/** Objects of the repository format that are held in memory, and texts in them. */
export const objectBounds = {
  marker: { what: '`walvault.json`', limitBytes: 64 * kibibyte },
  clusterRecord: { what: '`cluster.json`', limitBytes: 64 * kibibyte },
  claim: { what: 'the claim of a backup', limitBytes: 64 * kibibyte },
  /** A part takes 200 bytes: 300,000 parts, which is 30 TiB of small files or 300 TiB of large ones. */
  record: { what: 'the commit record of a backup', limitBytes: 64 * mebibyte },
  note: { what: 'a note', limitBytes: 64 * kibibyte },
  /** Metadata has at most 16 KiB. */
  sidecar: { what: 'the file with the metadata of an object in a directory', limitBytes: 64 * kibibyte },
  signature: { what: 'a signature beside an object (`.sig`)', limitBytes: 64 * kibibyte },
  /** A line for each ancestor takes less than a hundred bytes. */
  history: { what: 'a timeline history', limitBytes: mebibyte },
  /** What `backup.part-size` may be at most. */
  part: { what: 'a part or manifest that no commit record tells the size of', limitBytes: 64 * gibibyte },
  backupLabel: { what: 'a backup history file (`.backup`)', limitBytes: 64 * kibibyte },
} as const satisfies Record<string, FixedBound>;

/** Files of the host and of its server. */
export const fileBounds = {
  configuration: { what: "walvault's configuration file", limitBytes: mebibyte },
  keyFile: { what: 'a key file', limitBytes: 4 * mebibyte },
  secret: { what: 'a file with a passphrase or another secret', limitBytes: 64 * kibibyte },
  credentials: { what: "a file with a service's credentials", limitBytes: mebibyte },
  certificates: { what: 'a file of certificates', limitBytes: 8 * mebibyte },
  libpq: { what: 'a service file or password file of libpq', limitBytes: 4 * mebibyte },
  users: { what: '`/etc/passwd`', limitBytes: 64 * mebibyte },
  serverFile: { what: '`global/pg_control`, `postmaster.pid`', limitBytes: 64 * kibibyte },
  postgresConfiguration: {
    what: "a configuration file of the server, also a restored copy's",
    limitBytes: 16 * mebibyte,
  },
  capturedFile: {
    what: 'a file that is captured in memory for the last part of a backup',
    limitBytes: 64 * mebibyte,
  },
  lossRecord: { what: 'a record of given-up WAL in the data directory', limitBytes: 64 * kibibyte },
} as const satisfies Record<string, FixedBound>;
