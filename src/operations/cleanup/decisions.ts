/** The decisions of a cleanup plan, item by item. `docs/reference/json.md` publishes these shapes. */
export type KeepReason =
  | 'keep-last' | 'keep-within' | 'keep-hourly' | 'keep-daily' | 'keep-weekly' | 'keep-monthly' | 'keep-yearly'
  | 'keep-until' | 'recovery-window' | 'window-anchor' | 'minimum' | 'newest-full' | 'newest-undamaged' | 'live-timeline'
  | 'pinned' | 'parent' | 'not-counted' | 'unreadable' | 'in-progress' | 'in-doubt' | 'window' | 'consistency'
  | 'before-first' | 'restoring'; // prettier-ignore

export type RemoveReason =
  | 'expired' | 'unfinished' | 'partly-removed' | 'before-window' | 'unreachable' | 'retired' | 'deleted'
  | 'standby'; // prettier-ignore

export interface DecisionReason<Code extends string> {
  readonly code: Code;
  readonly text: string;
}

export type Decision =
  | { readonly action: 'keep'; readonly reasons: readonly DecisionReason<KeepReason>[] }
  | { readonly action: 'remove'; readonly reasons: readonly DecisionReason<RemoveReason>[] };

export interface BackupFacts {
  readonly id: string;
  readonly state: 'committed' | 'unreadable' | 'unfinished';
  readonly type: 'full' | 'incremental' | undefined;
  readonly timeline: number | undefined;
  readonly stopTime: Date | undefined;
  readonly objectCount: number;
  readonly storedBytes: number;
  /** False: the backup restores only to the moment of consistency, because cleanup does not keep the WAL after it. */
  readonly isWindowStart: boolean;
}

export type BackupDecision = BackupFacts & Decision;

/** The positions `first` to `last` of one timeline, both included. */
export interface WalRangeFacts {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly firstSegment: string;
  readonly lastSegment: string;
}

export type WalDecision = WalRangeFacts & Decision;

/** A remark for the operator: mostly why cleanup keeps more than the policy asks for. */
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
