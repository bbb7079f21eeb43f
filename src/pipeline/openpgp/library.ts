/**
 * The openpgp package, loaded when first needed. Its import takes some 40 ms and the first use of a key as much again,
 * which a push should not pay. It makes keys, and reads and uses the keys that `plain-key.ts` cannot; the bulk of a
 * message goes through node:crypto.
 */
export type OpenpgpLibrary = typeof import('openpgp');

export async function loadOpenpgp(): Promise<OpenpgpLibrary> {
  return await import('openpgp');
}
