/**
 * The second net for secrets. The first is that a `Secret` prints as `***`; this one catches a value that came into a
 * text by another way: an error of a library, an echoed command, a connection string.
 */
import type { Secret } from '../base/secret.ts';

/** Shorter ones are left alone: replacing "a" everywhere would destroy every message and so give the secret away. */
const shortestLength = 5;

export class Redactor {
  readonly #values = new Set<string>();

  add(secrets: Iterable<Secret>): void {
    for (const secret of secrets) {
      const value = secret.reveal();
      if (value.length < shortestLength) continue;
      for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)])
        this.#values.add(form);
    }
  }

  redact(text: string): string {
    let result = text;
    for (const value of this.#values) result = result.replaceAll(value, '***');
    return result;
  }
}
