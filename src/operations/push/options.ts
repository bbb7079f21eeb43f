/** What a push is asked for: the file, and the repositories that must have it. */
import type { Log } from '../../observe/events/events.ts';
import type { Repository } from '../../repository/repository.ts';
import type { PushMemory } from './push-memory.ts';

export interface PushOptions {
  /** `%p`, relative to the working directory. */
  readonly path: string;
  readonly cluster: string;
  readonly dataDirectory: string | undefined;
  readonly repositories: readonly Repository[];
  readonly headerCheck: boolean;
  readonly timeoutMs: number;
  /** Of `archive.queue-limit`; undefined: a segment is never given up. */
  readonly queueLimitBytes?: number | undefined;
  readonly isMissingRun?: boolean;
  /** Store the file beside an archived one of other content (`conflict keep`). */
  readonly asConflict?: boolean;
  /** Kept by a caller that pushes one file after the other. */
  readonly memory?: PushMemory;
  /** A piece of a streamed file was taken, which prolongs the attempt. */
  readonly onProgress?: () => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}
