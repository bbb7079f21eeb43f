/** The objects that a check writes, under a prefix that no other command reads, and then removes. */
import { randomBytes } from 'node:crypto';
import { probePrefix } from '../../repository/format/layout.ts';
import { sha256Hex } from '../../repository/format/json-object.ts';
import type { Store } from '../../stores/store.ts';

/** A new prefix for each run, so that checks of several hosts do not meet. */
export function newProbePrefix(): string {
  return probePrefix(randomBytes(8).toString('hex'));
}

export interface ProbePut {
  readonly ifAbsent?: boolean;
  /** The checksum to send instead of the checksum of the body. */
  readonly sha256?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export async function putProbe(
  store: Store,
  key: string,
  body: Uint8Array,
  options: ProbePut,
): Promise<void> {
  const { ifAbsent = true, sha256 = sha256Hex(body), metadata, signal } = options;
  await store.put(key, [body], {
    ifAbsent,
    objectClass: 'catalog',
    isTransient: true,
    metadata,
    sizeBytes: body.length,
    sha256,
    signal,
  });
}

/** @returns the keys that could not be removed */
export async function removeProbes(store: Store, prefix: string, signal: AbortSignal): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.list({ prefix, signal })) if ('key' in entry) keys.push(entry.key);
  return (await store.delete(keys, { signal })).map(({ key }) => key);
}
