/** Where events go: standard error or a file. */
import type { LogLevel } from '../base/log-level.ts';
import type { Event } from './events/events.ts';
import type { ProgressEvent } from './events/run.ts';
import type { Words } from './words/table.ts';

export interface Sink {
  takes(level: LogLevel): boolean;
  /** Only of a level that it takes. */
  write(event: Event, words: Words): void;
  /** As often as the work likes; shown now and then. */
  progress(event: ProgressEvent): void;
  close(): void;
}

/** How often progress is a line of its own. */
const lineEveryMs = 10_000;

/** Whether a line of progress is due: the first one a pause after the work began. `now` is monotonic. */
export function linePace(now: () => number): () => boolean {
  let lastAt: number | undefined;
  return () => {
    const time = now();
    lastAt ??= time;
    if (time - lastAt < lineEveryMs) return false;
    lastAt = time;
    return true;
  };
}
