/** Probes for `check` whether a service verifies checksums at all. */
import { isStoreError } from '../store.ts';

export interface ChecksumProbe {
  /** Sends the body with a wrong checksum. */
  send(body: Buffer): Promise<void>;
  /** Deletes the object that the service accepted. */
  remove(): Promise<unknown>;
  /** Default: `damaged` or `invalid`. */
  isRefusal?(error: unknown): boolean;
}

export async function isWrongChecksumRefused({
  send,
  remove,
  isRefusal = error => isStoreError(error, 'damaged') || isStoreError(error, 'invalid'),
}: ChecksumProbe): Promise<boolean> {
  try {
    await send(Buffer.from('walvault sends this with a wrong checksum'));
  } catch (error) {
    if (isRefusal(error)) return true;
    throw error;
  }
  await remove();
  return false;
}
