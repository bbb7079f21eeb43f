/** The error `absent` as a value: undefined. */
import { isStoreError } from '../store.ts';

/** The result of `work`, or undefined if it fails with `absent`. */
export async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    throw error;
  }
}

/**
 * A HEAD, and after a 404 a GET of one byte: for services whose 404 to a HEAD does not say whether the key or the bucket
 * is missing.
 */
export async function headOrGet<T extends object>(
  head: () => Promise<T>,
  getOneByte: () => Promise<T>,
): Promise<T | undefined> {
  return (await unlessAbsent(head())) ?? (await unlessAbsent(getOneByte()));
}
