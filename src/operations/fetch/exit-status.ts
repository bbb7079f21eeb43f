/** The exit status of a fetch that failed: PostgreSQL acts on each status, so none may look like another. */
import { errorCodes, WalvaultError } from '../../base/errors/errors.ts';
import type { RecoveryMode } from '../../postgres/cluster/signal-files.ts';

/** Above 125 PostgreSQL ends the recovery instead of taking the failure for the end of the archive (xlogarchive.c). */
const recoveryEndingBase = 200;

/** The status of an internal error for a fetch by hand, because 1 means "surely absent" there. */
const internalByHand = 21;

/** The exit status: never 0, and 1 only on a standby, where PostgreSQL asks again. */
export function failingExitStatus(mode: RecoveryMode, error?: unknown): number {
  const code = error instanceof WalvaultError ? error.exitCode : errorCodes.internal;
  switch (mode) {
    case 'point-in-time':
      return recoveryEndingBase + code;
    case 'standby':
      return error instanceof WalvaultError && error.code === 'invalid-file' ? recoveryEndingBase + code : 1;
    case 'none':
      return code === errorCodes.internal ? internalByHand : code;
  }
}
