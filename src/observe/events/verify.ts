/** Events of `verify`. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type VerifyEvent =
  /** Stored bytes were compared with their recorded digests, and nothing else: this host has no key to decode them with. */
  | { readonly kind: 'content-not-decoded'; readonly repository: string }
  | { readonly kind: 'cold-data-not-read'; readonly repository: string; readonly objectCount: number }
  /** The next run reads the same data again. */
  | { readonly kind: 'verification-not-noted'; readonly repository: string; readonly failure: PlainError }
  /** By `--repair`, once a good copy was proven in another repository. */
  | { readonly kind: 'damaged-object-removed'; readonly repository: string; readonly object: string }
  | { readonly kind: 'repository-not-verified'; readonly repository: string; readonly failure: PlainError };
