/** Events as lines for people on standard error, where PostgreSQL's log and cron's mail pick them up. */
import { isShown, type Verbosity } from '../base/log-level.ts';
import type { Event } from './events/events.ts';
import { ProgressRenderer } from './progress-line.ts';
import type { Sink } from './sink.ts';
import { textLines } from './words.ts';

export interface TextLogOptions extends Verbosity {
  readonly stderr: (text: string) => void;
  readonly isTty: boolean;
  /** The width of the terminal as it is now. */
  readonly columns?: (() => number | undefined) | undefined;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export function createTextLog(options: TextLogOptions): Sink {
  const { stderr, isTty, columns, now, quiet } = options;
  const line = new ProgressRenderer({ write: stderr, isTty, columns, now });
  return {
    takes: level => isShown(level, options),
    write(event, words) {
      if (isOfTheRun(event)) return;
      line.clear();
      stderr(textLines(words));
    },
    progress(event) {
      if (!quiet) line.show(event);
    },
    close: () => line.clear(),
  };
}

/** People know what they started, and the process edge tells them how it ended. */
function isOfTheRun({ kind }: Event): boolean {
  return (
    kind === 'run-started' || kind === 'run-ended' || kind === 'run-failed' || kind === 'run-interrupted'
  );
}
