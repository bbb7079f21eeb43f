/** What could not be looked at, as a fact. */
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import type { Fact, Unknown } from './facts.ts';

/** The result of `look`, or why there is none. @throws what is no `Error` */
export async function factOf<T>(look: () => Promise<T>): Promise<Fact<T>> {
  try {
    return { known: await look() };
  } catch (error) {
    return unknownOf(error);
  }
}

function unknownOf(error: unknown): Unknown {
  return { unknown: messageOf(error), hint: error instanceof WalvaultError ? error.hint : undefined };
}
