/** "There is no such object" as a value. */
import { isStoreError } from '../store.ts';

/** Undefined when `work` fails with `absent`. */
export async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStoreError(error, 'absent')) return undefined;
    throw error;
  }
}

/**
 * For services that answer a HEAD with 404 alone, and do not say what is missing, the key or the bucket: a GET of one byte
 * does.
 */
export async function headOrGet<T extends object>(
  head: () => Promise<T>,
  getOneByte: () => Promise<T>,
): Promise<T | undefined> {
  return (await unlessAbsent(head())) ?? (await unlessAbsent(getOneByte()));
}
