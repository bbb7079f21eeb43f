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
  /** Ten thousand files with paths of 4 KiB take 43 MB. */
  partIndex: { what: 'the index of a part of a backup', limitBytes: 64 * mebibyte },
  /** Eight bytes for a page, so 64 GiB of relations. */
  pageDigests: { what: 'the page digests of a part of a backup', limitBytes: 80 * mebibyte },
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
  /** Bitmaps of two thousand million blocks, 16 TiB that one checkpoint's WAL has changed. */
  walSummary: { what: 'a WAL summary (`pg_wal/summaries`)', limitBytes: 256 * mebibyte },
  lossRecord: { what: 'a record of given-up WAL in the data directory', limitBytes: 64 * kibibyte },
} as const satisfies Record<string, FixedBound>;

/** Pieces inside an object, which their parsers hold in memory. */
export const pieceBounds = {
  line: { what: 'a line of a manifest or index', limitBytes: 64 * kibibyte },
  /** On Linux a path may have 4096 bytes, and so may a link target. */
  tarExtension: { what: 'an extended header in a tar (pax, long names)', limitBytes: 16 * kibibyte },
  zstdWindow: { what: 'the window that a zstd frame asks for', limitBytes: 128 * mebibyte },
  /** An RSA-16384 session key takes 2 KiB, a signature with many subpackets a little more. */
  packet: { what: 'an OpenPGP packet with a session key or a signature', limitBytes: 16 * kibibyte },
  /** One with all blocks of a file of 1 GiB takes half a mebibyte; PostgreSQL can be built with larger files. */
  incrementalHeader: { what: 'the header of an INCREMENTAL file', limitBytes: 16 * mebibyte },
  /** Of a longer one the beginning is shown. */
  remark: { what: "a person's words in a note about a backup, and who wrote them", limitBytes: 1000 },
} as const satisfies Record<string, FixedBound>;

interface CountBound {
  readonly what: string;
  readonly limit: number;
}

/** How many there may be of what costs time each. */
export const countBounds = {
  /** walvault writes one for each 4 MiB of a part, and no more than this; an empty one costs the decoder a call, too. */
  frames: { what: 'zstd frames of an object', limit: 4096 },
  sessionKeys: { what: 'recipients of an OpenPGP message', limit: 64 },
  /** Each costs a derivation, which takes a tenth of a second. */
  passphrases: { what: 'passphrases of an OpenPGP message', limit: 8 },
  /** Markers mean nothing, and compressed data can hold any number of them. */
  packets: { what: 'packets before the content of an OpenPGP message', limit: 128 },
  signatures: { what: 'signatures inside an OpenPGP message', limit: 8 },
  /** What a small message may have. */
  jsonValues: { what: 'values in JSON from outside, beside one for each 16 characters', limit: 10_000 },
  filesOutOfOrder: { what: 'files of a part that wait because its tar has them later', limit: 10_000 },
  databases: { what: 'databases in the name map of a backup', limit: 100_000 },
  /** Each is read whole before it is known. */
  unopenedIndexes: { what: 'indexes of parts that do not open, of one interrupted backup', limit: 100 },
  unprovenRequired: {
    what: 'records without a good signature that are read, where signatures are required',
    limit: 1000,
  },
  unproven: { what: 'records without a good signature that are read elsewhere', limit: 20_000 },
} as const satisfies Record<string, CountBound>;

/** Sums over many objects. */
export const totalBounds = {
  unprovenRequired: {
    what: 'all records without a good signature that are read, where signatures are required',
    limitBytes: 16 * mebibyte,
  },
  unproven: {
    what: 'all records without a good signature that are read elsewhere',
    limitBytes: 256 * mebibyte,
  },
  /** Two hundred thousand changed relations, or bitmaps of a thousand million changed blocks. */
  changedBlocks: { what: 'what WAL summaries name as changed', limitBytes: 128 * mebibyte },
} as const satisfies Record<string, FixedBound>;

/** Answers of services that are held in memory. */
export const answerBounds = {
  /** The longest, a page of a listing, has a thousand names of at most a kilobyte. */
  answer: { what: 'an answer of a service, such as a page of a listing', limitBytes: 16 * mebibyte },
  refusal: { what: 'an error of a service', limitBytes: mebibyte },
} as const satisfies Record<string, FixedBound>;
