/** Events of operations as lines on standard error, where PostgreSQL's log and cron's mail pick them up. */
import { isShown, type Verbosity } from '../base/log-level.ts';
import type { Log } from './events/events.ts';
import { ProgressRenderer } from './progress-line.ts';
import { textLines, wordsOf } from './words.ts';

export interface TextLogOptions extends Verbosity {
  readonly stderr: (text: string) => void;
  readonly isTty: boolean;
  readonly now?: () => number;
}

export interface TextLog extends Log {
  /** Removes a progress line that is still shown. */
  close(): void;
}

export function createTextLog(options: TextLogOptions): TextLog {
  const { stderr, isTty } = options;
  const progress = new ProgressRenderer({
    write: stderr,
    isTty,
    now: options.now ?? (() => performance.now()),
  });
  return {
    emit(event) {
      if (event.kind === 'progress') {
        if (!options.quiet) progress.show(event);
        return;
      }
      const words = wordsOf(event);
      if (!isShown(words.level, options)) return;
      progress.clear();
      stderr(textLines(words));
    },
    close() {
      progress.clear();
    },
  };
}
