/** Events of `cleanup`. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type CleanupEvent =
  /** A reason to keep more than the policy says, or to look at. */
  | {
      readonly kind: 'cleanup-in-doubt';
      readonly repository: string;
      readonly problem: string;
      readonly hint?: string | undefined;
    }
  /** Nothing says what this repository keeps, so it keeps everything. */
  | { readonly kind: 'cleanup-without-policy'; readonly repository: string }
  | { readonly kind: 'unfinished-writes-unknown'; readonly repository: string; readonly failure: PlainError }
  | { readonly kind: 'unfinished-writes-removed'; readonly repository: string; readonly count: number }
  /** A backup that was to go stays: `child` has begun to build on it. */
  | {
      readonly kind: 'backup-yielded-to-child';
      readonly repository: string;
      readonly backup: string;
      readonly child: string;
    }
  /** A backup that was to go stays: `pinned`, itself or a backup that builds on it, was pinned meanwhile. */
  | {
      readonly kind: 'backup-yielded-to-pin';
      readonly repository: string;
      readonly backup: string;
      readonly pinned: string;
    }
  /** What a restore has claimed since this cleanup made its plan stays. */
  | {
      readonly kind: 'cleanup-yielded-to-restore';
      readonly repository: string;
      readonly backup: string;
      readonly host: string;
      readonly directory: string;
    }
  | { readonly kind: 'backup-removed'; readonly repository: string; readonly backup: string }
  | {
      readonly kind: 'wal-removed';
      readonly repository: string;
      readonly firstSegment: string;
      readonly lastSegment: string;
    }
  /** The store lets nobody delete them yet. */
  | {
      readonly kind: 'removal-locked';
      readonly repository: string;
      readonly objectCount: number;
      readonly firstKey: string;
      /** ISO 8601: when the longest lock ends. */
      readonly until: string;
    }
  | {
      readonly kind: 'cleanup-failed';
      readonly repository: string;
      readonly problem: string;
      readonly hint?: string | undefined;
    };
