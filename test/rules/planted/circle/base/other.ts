/** Planted: the other half of the circle. */
import type { One } from './one.ts';

export interface Other {
  readonly one: One | undefined;
}
