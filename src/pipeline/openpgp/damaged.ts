/** The error for damaged OpenPGP data. */
import { WalvaultError } from '../../base/errors/errors.ts';

/** The error for a damaged OpenPGP object. `what` names the object, `reason` says what is wrong with it. */
export function damaged(what: string, reason: string): WalvaultError {
  return new WalvaultError('damaged', `${what}: ${reason}`);
}
