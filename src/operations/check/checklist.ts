/** The lines of a check: each says what is proven or wrong, and what to do about it. */
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';

/** `skip`: the link could not be checked here, which is no fault. */
export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skip';

export interface CheckLine {
  /** The link of the chain: `configuration`, `keys`, `repository main`, `postgresql`, `archiving`. */
  readonly link: string;
  readonly status: CheckStatus;
  readonly message: string;
  readonly hint: string | undefined;
}

export interface Finding {
  readonly status: CheckStatus;
  readonly message: string;
  readonly hint?: string | undefined;
}

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const warning = (message: string, hint?: string): Finding => ({ status: 'warn', message, hint });
export const failure = (message: string, hint?: string): Finding => ({ status: 'fail', message, hint });
export const skipped = (message: string, hint?: string): Finding => ({ status: 'skip', message, hint });

/** Collects the lines, and passes on each line as soon as it is known. */
export class Checklist {
  readonly #lines: CheckLine[] = [];
  readonly #onLine: (line: CheckLine) => void;

  constructor(onLine: (line: CheckLine) => void) {
    this.#onLine = onLine;
  }

  get lines(): readonly CheckLine[] {
    return this.#lines;
  }

  add(link: string, { status, message, hint }: Finding): void {
    const line = { link, status, message, hint };
    this.#lines.push(line);
    this.#onLine(line);
  }

  /**
   * Adds the findings of `work`. An error that `work` throws becomes a failure, named by `what`, and the check goes on.
   * @returns the findings; undefined after an error
   * @throws what the signal was aborted with
   */
  async prove<T extends Finding | readonly Finding[]>(
    link: string,
    what: string,
    options: { readonly signal: AbortSignal; readonly work: () => Promise<T> },
  ): Promise<T | undefined> {
    try {
      const found = await options.work();
      for (const one of [found].flat() as Finding[]) this.add(link, one);
      return found;
    } catch (error) {
      options.signal.throwIfAborted();
      const hint = error instanceof WalvaultError ? error.hint : undefined;
      this.add(link, failure(`${what}: ${messageOf(error)}`, hint));
      return undefined;
    }
  }
}
