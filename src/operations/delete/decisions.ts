/** The plan of a deletion: what goes, what is lost with it, and what forbids it. `docs/reference/json.md` publishes it. */
import type { CleanupPlan } from '../cleanup/decisions.ts';
import type { LsnRange } from '../restore/reaches.ts';

export type RefusalCode =
  | 'pinned' | 'children' | 'in-progress' | 'parent-in-progress' | 'restoring' | 'last-full' | 'unreadable'; // prettier-ignore

/** Why nothing is deleted. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly hint: string;
}

/** Positions that a recovery reaches now, and no longer afterwards. */
export interface LostRange extends LsnRange {
  /** `from` and `to` in PostgreSQL's notation. */
  readonly fromLsn: string;
  readonly toLsn: string;
  /** When the deleted backup ended from which they begin; undefined where they begin elsewhere. */
  readonly since: Date | undefined;
  /** The backup that stays and from which recovery is possible behind them. Undefined: they reach to the end of the WAL. */
  readonly until: { readonly backup: string; readonly stopTime: Date } | undefined;
}

export interface DeletionPlan {
  /** What is deleted, in the form that a cleanup is executed from. No WAL is: the next cleanup decides about it. */
  readonly removal: CleanupPlan;
  readonly lost: readonly LostRange[];
  readonly refusals: readonly Refusal[];
}

/** The options by which a person says that something is meant. */
export interface Allowances {
  /** The backups that build on it go, too. */
  readonly withChildren: boolean;
  /** No full backup of the system needs to stay. */
  readonly lastFull: boolean;
  /** A backup whose record cannot be used. */
  readonly unreadable: boolean;
}
