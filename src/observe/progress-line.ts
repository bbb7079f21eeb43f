/** Progress for people: on a terminal one line that is rewritten, elsewhere a line now and then. */
import type { ProgressEvent } from './events/run.ts';
import { wordsOf } from './words.ts';

const terminalPauseMs = 100;
const linePauseMs = 10_000;

export interface ProgressRendererOptions {
  readonly write: (text: string) => void;
  readonly isTty: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export class ProgressRenderer {
  readonly #options: ProgressRendererOptions;
  #shownAt: number | undefined;
  #isLineOpen = false;

  constructor(options: ProgressRendererOptions) {
    this.#options = options;
  }

  show(progress: ProgressEvent): void {
    const { isTty, now, write } = this.#options;
    const time = now();
    // Elsewhere than on a terminal short work says nothing: the first line comes after the first pause.
    if (this.#shownAt === undefined && !isTty) this.#shownAt = time;
    if (this.#shownAt !== undefined && time - this.#shownAt < (isTty ? terminalPauseMs : linePauseMs)) return;
    this.#shownAt = time;
    const text = wordsOf(progress).message;
    write(isTty ? `\r\u001B[K${text}` : `walvault: ${text}\n`);
    this.#isLineOpen = isTty;
  }

  /** Makes room for other output. */
  clear(): void {
    if (!this.#isLineOpen) return;
    this.#options.write('\r\u001B[K');
    this.#isLineOpen = false;
  }
}
