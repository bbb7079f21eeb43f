/** Events as JSON, one object a line (docs/reference/json.md). */
import { isShown, type Verbosity } from '../base/log-level.ts';
import { visibleLines } from '../base/visible-text.ts';
import type { Event } from './events/events.ts';
import { linePace, type Sink } from './sink.ts';
import { wordsOf } from './words.ts';
import type { Words } from './words/table.ts';

/** Ended. Times are in UTC. */
export function jsonLine(event: Event, { level, message, hint }: Words, time: Date): string {
  const { kind, ...fields } = event;
  const json = JSON.stringify({ time: time.toISOString(), level, kind, ...fields, message, hint });
  return `${visibleLines(json)}\n`;
}

export interface JsonLinesOptions extends Verbosity {
  readonly stderr: (text: string) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export function createJsonLines(options: JsonLinesOptions): Sink {
  const { stderr, now, quiet } = options;
  const isDue = linePace(now);
  return {
    takes: level => isShown(level, options),
    write: (event, words) => stderr(jsonLine(event, words, new Date())),
    progress(event) {
      if (!quiet && isDue()) stderr(jsonLine(event, wordsOf(event), new Date()));
    },
    close: () => undefined,
  };
}
