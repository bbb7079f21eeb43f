/** Events of opening, reading and writing repositories, whatever the verb. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type RepositoryEvent =
  | { readonly kind: 'tls-not-verified'; readonly repository: string }
  | TrafficEvent
  | RecipientExpiryEvent
  | {
      readonly kind: 'signature-not-good';
      /** The first object of which this is known; others follow without an event. */
      readonly object: string;
      readonly status: 'unsigned' | 'untrusted' | 'bad';
      /** A phrase that follows the object's name. */
      readonly problem: string;
    }
  /** Objects that decide nothing: they cannot be read, or no trusted signer signed them. Once for each kind in a run. */
  | {
      readonly kind: 'not-believed';
      readonly repository: string;
      readonly what: 'records' | 'notes' | 'histories' | 'claims' | 'segments';
      readonly count: number;
      /** The key of one of them. */
      readonly object: string;
      readonly problem: string;
    }
  /** What is there counts as the file to archive by its metadata alone, which nobody trusted has signed. Once in a run. */
  | { readonly kind: 'taken-by-its-claim'; readonly repository: string; readonly object: string }
  /** A record of this host that says which WAL was given up. */
  | { readonly kind: 'loss-record-unreadable'; readonly path: string }
  /** The WAL is archived; only a lost tail may go unnoticed. */
  | { readonly kind: 'high-water-not-noted'; readonly repository: string; readonly failure: PlainError }
  | { readonly kind: 'loss-not-noted'; readonly repository: string; readonly failure: PlainError }
  | {
      readonly kind: 'loss-noted';
      readonly repository: string;
      /** Which segments, when, where and why. */
      readonly description: string;
    };

/** What one run sent to and received from one repository. */
interface TrafficEvent {
  readonly kind: 'repository-traffic';
  readonly repository: string;
  readonly requests: number;
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Objects are encrypted to the key all the same. */
interface RecipientExpiryEvent {
  readonly kind: 'recipient-expiry';
  readonly fingerprint: string;
  readonly userId: string;
  readonly expiresAt: string;
  readonly hasExpired: boolean;
}
