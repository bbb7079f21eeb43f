/** What a check is asked to look at, and where its lines go. */
import type { Log } from '../../observe/events/events.ts';
import type { Secret } from '../../base/secret.ts';
import type { Config } from '../../config/index.ts';
import type { Repository } from '../../repository/repository.ts';
import type { CheckLine } from './checklist.ts';

export interface CheckOptions {
  readonly config: Config;
  /** Undefined when the environment alone made the configuration. */
  readonly configPath: string | undefined;
  readonly repositories: readonly Repository[];
  /** A private key that is not in the configuration: proves that it opens what is written. */
  readonly privateKey?: { readonly path: string; readonly passphrase: Secret | undefined } | undefined;
  readonly withPostgres: boolean;
  /** How long the switched segment may take to arrive. */
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly now: Date;
  /** Each line as soon as it is known. */
  readonly onLine: (line: CheckLine) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}
