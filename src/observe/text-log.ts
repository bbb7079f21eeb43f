/** Events of operations as lines on standard error, where PostgreSQL's log and cron's mail pick them up. */
import { describeEvent } from '../base/describe-event.ts';
import type { Log } from '../base/log.ts';
import { ProgressRenderer } from './progress-line.ts';

export interface TextLogOptions {
  readonly stderr: (text: string) => void;
  readonly isTty: boolean;
  /** Warnings and errors only, no progress. */
  readonly quiet: boolean;
  /** Debug events too. */
  readonly verbose: boolean;
  readonly now?: () => number;
}

export interface TextLog extends Log {
  /** Removes a progress line that is still shown. */
  close(): void;
}

export function createTextLog(options: TextLogOptions): TextLog {
  const { stderr, isTty, quiet, verbose } = options;
  const progress = new ProgressRenderer({
    write: stderr,
    isTty,
    now: options.now ?? (() => performance.now()),
  });
  return {
    event(event) {
      if (event.level === 'debug' && !verbose) return;
      if (event.level === 'info' && quiet) return;
      progress.clear();
      stderr(describeEvent(event));
    },
    progress(state) {
      if (!quiet) progress.show(state);
    },
    close() {
      progress.clear();
    },
  };
}
