/** Planted: with its other half a circle of types alone, which no compiler minds. */
import type { Other } from './other.ts';

export interface One {
  readonly other: Other | undefined;
}
