/** The options and results of `walvault pin` and `walvault unpin`. */
import type { Pin } from '../../repository/format/notes/pin.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RepositoryFailure } from '../backup-places.ts';

interface NamedBackup {
  readonly repositories: readonly Repository[];
  readonly cluster: string;
  /** The id of the backup. */
  readonly id: string;
  /** The user of the operating system, and the host. */
  readonly by: { readonly user: string; readonly host: string };
  readonly now: Date;
  readonly signal: AbortSignal;
}

export interface PinOptions extends NamedBackup {
  readonly until: Date | undefined;
  /** Why, in one line; may be empty. */
  readonly note: string;
}

export interface UnpinOptions extends NamedBackup {
  /** The id of one pin. Undefined: the only one, or all if `isAll`. */
  readonly pin: string | undefined;
  readonly isAll: boolean;
}

export interface PinnedIn {
  readonly repository: string;
  readonly systemId: bigint;
  readonly pin: Omit<Pin, 'verdict' | 'pinnedAt'>;
}

export interface UnpinnedIn {
  readonly repository: string;
  readonly systemId: bigint;
  readonly takenBack: readonly Pin[];
  /** The pins that stay. */
  readonly left: readonly Pin[];
}

export interface ResultOf<T> {
  readonly backup: string;
  readonly done: readonly T[];
  /** Names of the repositories that do not have the backup. */
  readonly without: readonly string[];
  readonly failures: readonly RepositoryFailure[];
}
