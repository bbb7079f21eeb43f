/** What tests use beside PostgreSQL's server, and how an error tells that this machine lacks it. */
import { basename } from 'node:path';

/** With the Debian package that has each. A machine with npm alone has none of them. */
const packageOf: Readonly<Record<string, string>> = {
  gpg: 'gnupg',
  gpgconf: 'gnupg',
  'gpg-agent': 'gnupg',
  zstd: 'zstd',
  openssl: 'openssl',
  strace: 'strace',
  'mkfs.ext2': 'e2fsprogs',
  'mkfs.ext4': 'e2fsprogs',
  ceph: 'ceph-mon',
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  radosgw: 'radosgw',
  debootstrap: 'debootstrap',
  psql: 'postgresql',
  pgbench: 'postgresql',
  pg_verifybackup: 'postgresql',
  pg_basebackup: 'postgresql',
  pg_checksums: 'postgresql',
  pg_amcheck: 'postgresql',
  pg_rewind: 'postgresql',
  pg_resetwal: 'postgresql',
  pg_controldata: 'postgresql',
  pg_waldump: 'postgresql',
};

/** How the message of an error begins by which a test says itself that it cannot run here. */
const ownWords = /^(needs root|needs namespaces|needs mounts|not installed): /;

/** Of an error as vitest keeps it: its own properties and its cause, as plain data. */
interface TestError {
  readonly code?: unknown;
  readonly path?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** The reason, which names program and package, or what else is needed; undefined for any other failure. */
export function missingProgramIn(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, path, message, cause } = error as TestError;
  const deeper = missingProgramIn(cause);
  if (deeper !== undefined) return deeper;
  const spawned = code === 'ENOENT' && typeof path === 'string' ? basename(path) : undefined;
  const inShell =
    typeof message === 'string' ? /\b([a-z][\w.-]*): (?:command )?not found/.exec(message)?.[1] : undefined;
  if (typeof message === 'string' && ownWords.test(message)) return message;
  const program = [spawned, inShell].find(name => name !== undefined && name in packageOf);
  return program === undefined ? undefined : `no ${program} (Debian: ${packageOf[program] ?? ''})`;
}
