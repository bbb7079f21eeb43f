/** Progress for people: on a terminal one line that is rewritten, elsewhere a line now and then. */
import type { Progress } from '../base/log.ts';
import { formatSize } from '../base/units.ts';

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

  show(progress: Progress): void {
    const { isTty, now, write } = this.#options;
    const time = now();
    // Elsewhere than on a terminal short work says nothing: the first line comes after the first pause.
    if (this.#shownAt === undefined && !isTty) this.#shownAt = time;
    if (this.#shownAt !== undefined && time - this.#shownAt < (isTty ? terminalPauseMs : linePauseMs)) return;
    this.#shownAt = time;
    const text = progressLine(progress);
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

/** `backup: 1.2 GiB of 4.0 GiB (30%), 812 files` */
export function progressLine(progress: Progress): string {
  const { stage, doneBytes, totalBytes, doneFiles } = progress;
  const total = totalBytes === undefined ? '' : ` of ${formatSize(totalBytes)}`;
  const percent =
    totalBytes === undefined || totalBytes === 0
      ? ''
      : ` (${Math.min(100, Math.floor((doneBytes / totalBytes) * 100))}%)`;
  const files = doneFiles === undefined ? '' : `, ${doneFiles} ${doneFiles === 1 ? 'file' : 'files'}`;
  return `${stage}: ${formatSize(doneBytes)}${total}${percent}${files}`;
}
