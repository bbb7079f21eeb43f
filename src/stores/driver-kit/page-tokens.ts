/**
 * The tokens of one listing, watched for a repetition: a service that sends a token again would keep the listing going
 * without end, and a recovery with it.
 */
import { StoreError } from '../store.ts';

/**
 * Notices every cycle in constant memory (Brent's algorithm): one earlier token is kept, and replaced after 1, 2, 4, 8…
 * further pages, until the kept token lies inside the cycle and comes again.
 */
export class PageTokens {
  readonly #action: string;
  #kept: string | undefined;
  #sinceKept = 0;
  #replaceAfter = 1;

  /** `action` begins the message of the error: `list wal/`. */
  constructor(action: string) {
    this.#action = action;
  }

  /** Notes the token of the next page. @throws StoreError `damaged` when the service repeats itself */
  follow(token: string): void {
    if (token === this.#kept)
      throw new StoreError('damaged', `${this.#action}: the service sends the same page again and again`, {
        hint: 'The service, or a proxy before it, does not honour continuation tokens of listings.',
      });
    if (++this.#sinceKept < this.#replaceAfter) return;
    this.#kept = token;
    this.#sinceKept = 0;
    this.#replaceAfter *= 2;
  }
}
