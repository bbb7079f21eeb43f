/** A result as JSON. */
import { renderedJson, type ResultText } from './result-text.ts';

/**
 * A result as JSON: two spaces, a newline at the end. An LSN or system identifier (`bigint`) becomes a decimal string,
 * because JSON readers lose digits beyond 2^53; a `Date` becomes ISO 8601 in UTC.
 */
export function renderJson(value: unknown): ResultText {
  const json = JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner),
    2,
  );
  return renderedJson(`${json}\n`);
}
