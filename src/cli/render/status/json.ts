/** A status as JSON. */
import type { Status } from '../../../operations/status/result.ts';

/** The published shape (docs/reference/status.schema.json): what is not known is null, never left out. */
export function statusJson(status: Status): unknown {
  return nulled(status);
}

function nulled(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(nulled);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, nulled(inner)]));
}
