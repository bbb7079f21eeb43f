/** The options of a check: its subjects, and where its lines go. */
import type { Log } from '../../observe/events/events.ts';
import type { Secret } from '../../base/secret.ts';
import type { Config } from '../../config/index.ts';
import type { Repository } from '../../repository/repository.ts';
import type { CheckLine } from './checklist.ts';

export interface CheckOptions {
  readonly config: Config;
  /** Undefined if the configuration comes from the environment alone. */
  readonly configPath: string | undefined;
  /** Files that the configuration names and that must be closed to others. */
  readonly secretFiles: readonly string[];
  readonly repositories: readonly Repository[];
  /** A private key that is not in the configuration: the check proves that it opens stored objects. */
  readonly privateKey?: { readonly path: string; readonly passphrase: Secret | undefined } | undefined;
  readonly withPostgres: boolean;
  /** How long the segment may take to arrive after the WAL switch. */
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly now: Date;
  /** Called with each line as soon as it is known. */
  readonly onLine: (line: CheckLine) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}
