/** Translates Node's system errors to store errors. */
import { describeSystemCode, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { StoreError, type StoreErrorKind } from '../store.ts';

/** `action` names the call and the object: `put a/b`. */
export function fsError(action: string, error: unknown): Error {
  const code = systemCode(error);
  if (error instanceof WalvaultError || code === undefined) return error as Error;
  return new StoreError(kindOfCode[code] ?? 'local-io', `${action}: ${describeSystemCode(code)}`, {
    cause: error,
    hint: hints[code],
  });
}

/** Runs one file system call and translates what it throws. */
export async function io<T>(action: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fsError(action, error);
  }
}

/** True if there is no such file, also when a part of its path is a plain file. */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

const kindOfCode: Record<string, StoreErrorKind> = {
  EACCES: 'denied',
  EPERM: 'denied',
  ENAMETOOLONG: 'invalid',
  // A network file system whose server is unreachable.
  ETIMEDOUT: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENOTCONN: 'unreachable',
  ESTALE: 'unreachable',
};

const accessHint =
  'Give the user that runs walvault access to the repository directory. What another user wrote there: chown -R --reference=DIRECTORY DIRECTORY.';

const hints: Record<string, string> = {
  EACCES: accessHint,
  EPERM: accessHint,
  ENOSPC: 'Free space on the file system of the repository; nothing was left half written.',
  EDQUOT: 'Raise the quota of the user that runs walvault; nothing was left half written.',
  EROFS: 'Mount the file system of the repository writable.',
};
