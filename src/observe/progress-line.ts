/** Progress for people: on a terminal one line with a bar that is rewritten, elsewhere a line now and then. */
import { visibleText } from '../base/visible-text.ts';
import type { ProgressEvent } from './events/run.ts';
import { progressLine, usualColumns } from './progress-bar.ts';
import { linePace } from './sink.ts';
import { wordsOf } from './words.ts';

const terminalPauseMs = 100;

export interface ProgressRendererOptions {
  readonly write: (text: string) => void;
  readonly isTty: boolean;
  /** The width of the terminal as it is now; undefined where it does not tell. */
  readonly columns?: (() => number | undefined) | undefined;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export class ProgressRenderer {
  readonly #options: ProgressRendererOptions;
  readonly #isLineDue: () => boolean;
  #shownAt = -Infinity;
  #isLineOpen = false;

  constructor(options: ProgressRendererOptions) {
    this.#options = options;
    this.#isLineDue = linePace(options.now);
  }

  show(progress: ProgressEvent): void {
    const { isTty, now, write, columns } = this.#options;
    if (!isTty) {
      if (this.#isLineDue()) write(`walvault: ${messageOf(progress)}\n`);
      return;
    }
    if (now() - this.#shownAt < terminalPauseMs) return;
    this.#shownAt = now();
    const line = progressLine(progress, messageOf(progress), columns?.() || usualColumns);
    write(`\r\u001B[K${line}`);
    this.#isLineOpen = true;
  }

  /** Makes room for other output. */
  clear(): void {
    if (!this.#isLineOpen) return;
    this.#options.write('\r\u001B[K');
    this.#isLineOpen = false;
  }
}

function messageOf(progress: ProgressEvent): string {
  return visibleText(wordsOf(progress).message);
}
