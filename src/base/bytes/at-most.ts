/** The bound on a stream from outside: what exceeds it is damaged, and is passed on to nobody. */
import { WalvaultError } from '../errors/errors.ts';
import type { ByteStream } from './streams.ts';

export interface AtMost {
  readonly limitBytes: number;
  /** A reader that has all its bytes still unpacks them for long: so the signal is looked at for each chunk. */
  readonly signal: AbortSignal;
  /** Says what is too large; the message goes on with the limit. */
  readonly what: string;
}

/**
 * The same bytes. No chunk goes beyond the limit.
 * @throws WalvaultError `damaged` instead of the first chunk that exceeds it; the signal's reason
 */
export async function* atMost(
  source: ByteStream,
  { limitBytes, signal, what }: AtMost,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    sizeBytes += chunk.length;
    // A limit that is not a number must not allow everything.
    if (!(sizeBytes <= limitBytes))
      throw new WalvaultError('damaged', `${what} more than ${limitBytes} bytes`);
    yield chunk;
  }
}
