/** Events of `store`. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type StoreEvent =
  | { readonly kind: 'object-signature'; readonly object: string; readonly verdict: string }
  /** An object that the archive needs, because it was forced. */
  | {
      readonly kind: 'needed-object-removed';
      readonly object: string;
      readonly purpose: string;
      readonly loss: string;
    }
  | { readonly kind: 'object-not-removed'; readonly failure: PlainError };
