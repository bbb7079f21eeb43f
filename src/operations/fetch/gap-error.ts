import { WalvaultError } from '../../base/errors/errors.ts';

/** WAL that existed and is not to be had: what is asked for is missing, and yet it is not the end of the archive. */
export class GapError extends WalvaultError {}
