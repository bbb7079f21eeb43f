/**
 * The one error class and the one table of error codes.
 *
 * Every failure a person may see is a `WalvaultError`: one line (lower case, naming the object), an optional hint
 * (a full sentence), an exit status from the table, and whether trying again can help. `docs/exit-codes.md` is the
 * published form of this table; a test keeps the two equal.
 */

/** Exit statuses from 1 to 125 only: a higher status ends PostgreSQL's archiver (pgarch.c, pgarch_archiveXlog). */
export const errorCodes = {
  internal: 1,
  usage: 2,
  config: 3,
  key: 4,
  unreachable: 5,
  denied: 6,
  'not-a-repository': 7,
  conflict: 8,
  damaged: 9,
  'invalid-file': 10,
  postgres: 11,
  'wal-missing': 12,
  target: 13,
  destination: 14,
  'local-io': 15,
  'check-failed': 16,
  'not-found': 17,
  interrupted: 18,
  'cold-tier': 19,
  refused: 20,
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** A full sentence that tells the reader what to do next. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** True when the same call may succeed later although nothing was changed. */
  readonly retry?: boolean | undefined;
}

export class WalvaultError extends Error {
  override readonly name: string = 'WalvaultError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retry: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.retry = details.retry ?? false;
  }

  get exitCode(): number {
    return errorCodes[this.code];
  }
}

/** The text of a thrown value, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` property of a Node system error (`ENOENT`, `ECONNREFUSED`…), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Turns a system error of a local file into one clear line, and any other error into `internal` with its cause. */
export function localIoError(action: string, path: string, error: unknown): WalvaultError {
  if (error instanceof WalvaultError) return error;
  const code = systemCode(error);
  if (code === undefined)
    return new WalvaultError('internal', `${action} ${path}: ${messageOf(error)}`, { cause: error });
  return new WalvaultError('local-io', `${action} ${path}: ${describeSystemCode(code)}`, {
    cause: error,
    hint: systemCodeHints[code],
  });
}

const systemCodeHints: Record<string, string> = {
  ENOSPC: 'Free space on this file system; nothing was left half written.',
  EACCES: 'The user that runs walvault, usually the one that runs PostgreSQL, needs the permission.',
};

export function describeSystemCode(code: string): string {
  return systemCodeTexts[code] ?? code;
}

const systemCodeTexts: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENXIO: 'a named pipe is in its place',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EIO: 'input/output error',
  EMFILE: 'too many open files',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  EFBIG: 'file too large',
  ENOTEMPTY: 'directory not empty',
};
