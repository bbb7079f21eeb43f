/** The files that tell PostgreSQL how to recover (xlogrecovery.c, readRecoverySignalFile). */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const standbySignal = 'standby.signal';
export const recoverySignal = 'recovery.signal';
/** pg_ctl promote makes this file; a restored copy with it would promote itself. */
export const promoteSignal = 'promote';

export type RecoveryMode = 'point-in-time' | 'standby' | 'none';

/**
 * How a server in this directory recovers. `standby.signal` wins when both files are there. Synchronous, because fetch
 * must know its failing exit status before anything that can throw or wait.
 */
export function recoveryModeOf(dataDirectory: string): RecoveryMode {
  if (existsSync(join(dataDirectory, standbySignal))) return 'standby';
  if (existsSync(join(dataDirectory, recoverySignal))) return 'point-in-time';
  return 'none';
}

/**
 * How the server recovers that asks for a file at `walPath` (`%p`). Its data directory is the working directory, or,
 * where a restore_command has changed that, the path's second parent.
 */
export function recoveryModeOfAsking(walPath: string | undefined): RecoveryMode {
  const mode = recoveryModeOf('.');
  return mode === 'none' && walPath !== undefined ? recoveryModeOf(dirname(dirname(walPath))) : mode;
}

/**
 * True while a promotion waits for the startup process of the server that asks for a file at `walPath`. PostgreSQL
 * removes the file when it sees the request, before it asks for the next timeline's history (CheckForStandbyTrigger in
 * xlogrecovery.c).
 */
export function isPromotionAsked(walPath: string): boolean {
  return ['.', dirname(dirname(walPath))].some(directory => existsSync(join(directory, promoteSignal)));
}
