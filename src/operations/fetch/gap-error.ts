/** The error for a hole in the archive. */
import { WalvaultError } from '../../base/errors/errors.ts';

/** A hole: the WAL that PostgreSQL asks for existed and is not archived, and the archive goes on after it. */
export class GapError extends WalvaultError {}
