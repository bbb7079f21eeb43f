/**
 * The openpgp package, loaded when first needed: its import costs some 40 ms, which a push of plain data should not
 * pay. It does keys and session-key packets; the bulk of a message goes through node:crypto.
 */
export type OpenpgpLibrary = typeof import('openpgp');

export async function loadOpenpgp(): Promise<OpenpgpLibrary> {
  return await import('openpgp');
}
