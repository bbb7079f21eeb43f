/** What a plan says, item by item. `docs/reference/json.md` publishes these shapes. */
export type KeepReason =
  | 'keep-last' | 'keep-within' | 'window-anchor' | 'minimum' | 'newest-full' | 'newest-undamaged' | 'live-timeline'
  | 'pinned' | 'parent' | 'not-counted' | 'unreadable' | 'in-progress' | 'in-doubt' | 'window' | 'consistency'; // prettier-ignore

export type RemoveReason =
  'expired' | 'unfinished' | 'partly-removed' | 'before-window' | 'unreachable' | 'retired';

export interface Reason<Code extends string> {
  readonly code: Code;
  readonly text: string;
}

export type Decision =
  | { readonly action: 'keep'; readonly reasons: readonly Reason<KeepReason>[] }
  | { readonly action: 'remove'; readonly reasons: readonly Reason<RemoveReason>[] };

export interface BackupFacts {
  readonly id: string;
  readonly state: 'committed' | 'unreadable' | 'unfinished';
  readonly type: 'full' | 'incremental' | undefined;
  readonly timeline: number | undefined;
  readonly stopTime: Date | undefined;
  readonly objectCount: number;
  readonly storedBytes: number;
  /** False: it restores only to the moment it became consistent, because the WAL after it is not kept. */
  readonly isWindowStart: boolean;
}

export type BackupDecision = BackupFacts & Decision;

/** Positions `first`..`last` of one timeline, both included. */
export interface WalRangeFacts {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly firstSegment: string;
  readonly lastSegment: string;
}

export type WalDecision = WalRangeFacts & Decision;

/** Something the operator should know: mostly why more is kept than the policy asks for. */
export interface Remark {
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface CleanupPlan {
  readonly systemId: bigint;
  readonly backups: readonly BackupDecision[];
  readonly wal: readonly WalDecision[];
  readonly remarks: readonly Remark[];
}
