import { WalvaultError } from '../../base/errors/errors.ts';

/** `what` names the object, `reason` says what is wrong with it. */
export function damaged(what: string, reason: string): WalvaultError {
  return new WalvaultError('damaged', `${what}: ${reason}`);
}
