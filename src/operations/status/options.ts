/** The options of `walvault status`. */
import type { Config } from '../../config/index.ts';
import type { Repository } from '../../repository/repository.ts';
import type { AgentFacts } from './facts.ts';

export interface StatusOptions {
  readonly config: Config;
  /** Those to look at. */
  readonly repositories: readonly Repository[];
  /** False: the server and its host are not looked at. */
  readonly withPostgres: boolean;
  /** Asks the agent of a data directory. */
  readonly askAgent: (dataDirectory: string) => Promise<AgentFacts>;
  /** What has given no answer by then is not known. */
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly now: Date;
  readonly signal: AbortSignal;
}
