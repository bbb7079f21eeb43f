/** The options of a push: the file, and the repositories that must have it. */
import type { Log } from '../../observe/events/events.ts';
import type { Repository } from '../../repository/repository.ts';
import type { PushMemory } from './push-memory.ts';

export interface PushOptions {
  /** The value of `%p`, relative to the working directory. */
  readonly path: string;
  readonly cluster: string;
  readonly dataDirectory: string | undefined;
  readonly repositories: readonly Repository[];
  readonly headerCheck: boolean;
  readonly timeoutMs: number;
  /** Set if PostgreSQL's archiver waits for this push, since `spentMs` before it began. */
  readonly archiver?: { readonly spentMs: number };
  /** The value of `archive.queue-limit`; undefined: push never gives up a segment. */
  readonly queueLimitBytes?: number | undefined;
  readonly isMissingRun?: boolean;
  /** Store the file beside an archived file of the same name and other content (`conflict keep`). */
  readonly asConflict?: boolean;
  /** Kept by a caller that pushes several files in turn. */
  readonly memory?: PushMemory;
  /** Called for each piece of a streamed file, which restarts the deadline. */
  readonly onProgress?: () => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}
