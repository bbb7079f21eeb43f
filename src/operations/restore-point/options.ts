/** The options and the result of `walvault restore-point`. */
import type { Config } from '../../config/index.ts';
import type { RestorePoint } from '../../repository/format/notes/restore-point.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RepositoryFailure } from '../backup-places.ts';

export interface RestorePointOptions {
  readonly config: Pick<Config, 'cluster' | 'postgres'>;
  readonly repositories: readonly Repository[];
  readonly name: string;
  /** Also a name that a noted restore point has. */
  readonly allowsDuplicate: boolean;
  /** The user of the operating system, and the host. */
  readonly by: { readonly user: string; readonly host: string };
  /** The environment in which libpq's variables are looked up. */
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

export interface RestorePointResult {
  readonly systemId: bigint;
  /** Its position is in PostgreSQL's notation. */
  readonly point: Omit<RestorePoint, 'lsn'> & { readonly lsn: string };
  /** Names of the repositories that have the note. */
  readonly notedIn: readonly string[];
  readonly failures: readonly RepositoryFailure[];
}
