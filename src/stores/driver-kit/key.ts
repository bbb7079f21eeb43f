/** The rules for keys and metadata that every driver accepts, checked before anything is sent. */
import { StoreError, type DeleteFailure } from '../store.ts';

const longestKeyBytes = 512;
const metadataName = /^[a-z0-9-]+$/;
const printableAscii = /^[\x20-\x7e]+$/;
/** Nearly every key: a listing asks this of millions. */
const ordinaryKey = /^[\w-]+(?:[./][\w-]+)*$/;

/** Names of sidecars and temporary files of the directory driver. No key may end in such a name, with any driver. */
export const sidecarName = /\.[0-9a-f]{16}\.meta$/;
export const temporaryFileName = /^\.[0-9a-f]{16}\.walvault-tmp$/;

/** @throws StoreError `invalid` for a key that some driver could not keep under exactly this name */
export function assertKey(key: string): void {
  const error = keyError(key);
  if (error !== undefined) throw error;
}

export function isLegalKey(key: string): boolean {
  return keyProblem(key) === undefined;
}

export function keyError(key: string): StoreError | undefined {
  const problem = keyProblem(key);
  return problem === undefined
    ? undefined
    : new StoreError('invalid', `key ${JSON.stringify(key)}: ${problem}`);
}

/** The legal keys of a `delete`, and a failure for each of the others. */
export function separateKeys(keys: readonly string[]): { legal: string[]; failures: DeleteFailure[] } {
  const legal: string[] = [];
  const failures: DeleteFailure[] = [];
  for (const key of keys) {
    const error = keyError(key);
    if (error === undefined) legal.push(key);
    else failures.push({ key, error });
  }
  return { legal, failures };
}

function keyProblem(key: string): string | undefined {
  if (key.length <= longestKeyBytes && ordinaryKey.test(key) && !key.endsWith('.meta')) return undefined;
  if (key === '') return 'is empty';
  if (!printableAscii.test(key)) return 'holds something other than printable ASCII';
  if (key.length > longestKeyBytes) return `is longer than ${longestKeyBytes} bytes`;
  if (key.split('/').some(part => part === '' || part === '.' || part === '..'))
    return 'has an empty, "." or ".." part';
  // Azure reads a backslash as a slash, and may drop a dot at the end ("Naming and referencing containers, blobs, and
  // metadata").
  if (key.includes('\\')) return 'has a backslash';
  if (key.split('/').some(part => part.endsWith('.'))) return 'has a part that ends with a dot';
  if (sidecarName.test(key) || key.split('/').some(part => temporaryFileName.test(part)))
    return 'is a name that the directory store keeps for itself';
  return undefined;
}

/**
 * Names `[a-z0-9-]`, values printable ASCII without leading or trailing blanks (HTTP drops those), together at most
 * `limitBytes`.
 * @throws StoreError `invalid`
 */
export function assertMetadata(
  key: string,
  metadata: Readonly<Record<string, string>> | undefined,
  limitBytes: number,
): void {
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(metadata ?? {})) {
    if (!metadataName.test(name))
      throw new StoreError(
        'invalid',
        `metadata of ${key}: the name ${JSON.stringify(name)} is not [a-z0-9-]`,
      );
    if (!printableAscii.test(value) || value.trim() !== value)
      throw new StoreError(
        'invalid',
        `metadata of ${key}: the value of ${name} is not plain printable ASCII`,
      );
    sizeBytes += name.length + value.length;
  }
  if (sizeBytes > limitBytes)
    throw new StoreError('invalid', `metadata of ${key}: ${sizeBytes} bytes are more than ${limitBytes}`);
}
