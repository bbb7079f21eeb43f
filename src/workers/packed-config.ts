/** A configuration in a form that can be sent to another thread: a secret does not let its value be copied. */
import { ConfiguredSecret, type SecretReading, type SecretRecipe } from '../config/index.ts';

const mark = 'walvault:secret';

/**
 * Replaces every secret by a plain object that tells where to read it, or what it is if it was read already. The result
 * stays in memory and goes into no log or error.
 */
export function packSecrets(value: unknown): unknown {
  if (value instanceof ConfiguredSecret) return { [mark]: value.recipe() };
  return mapped(value, packSecrets);
}

/** The inverse of `packSecrets`. */
export function unpackSecrets(value: unknown, reading: SecretReading): unknown {
  if (isRecord(value) && isRecord(value[mark]))
    return new ConfiguredSecret(value[mark] as unknown as SecretRecipe, reading);
  return mapped(value, each => unpackSecrets(each, reading));
}

function mapped(value: unknown, map: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, map(each)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
