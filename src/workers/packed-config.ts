/** A configuration in a form that can be sent to another thread: a `Secret` does not let its value be copied. */
import { Secret } from '../base/secret.ts';

const mark = 'walvault:secret';

/**
 * Replaces every `Secret` by a plain object with its value. The result stays in memory and goes into no log or error.
 */
export function packSecrets(value: unknown): unknown {
  if (value instanceof Secret) return { [mark]: value.reveal() };
  return mapped(value, packSecrets);
}

/** The inverse of `packSecrets`. */
export function unpackSecrets(value: unknown): unknown {
  if (isRecord(value) && typeof value[mark] === 'string') return new Secret(value[mark]);
  return mapped(value, unpackSecrets);
}

function mapped(value: unknown, map: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, map(each)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
