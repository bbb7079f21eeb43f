/** The error for a tar archive that cannot be read. */
import { WalvaultError } from '../../base/errors/errors.ts';

export function damagedTar(what: string): WalvaultError {
  return new WalvaultError('damaged', `tar archive ${what}`);
}
