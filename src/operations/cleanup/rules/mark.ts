/** A rule's mark: the backup stays, for this reason. Every rule is a function from backups to marks. Pure. */
import type { DecisionReason, KeepReason } from '../decisions.ts';
import type { KnownBackup } from '../state.ts';

export interface Mark extends DecisionReason<KeepReason> {
  readonly backup: KnownBackup;
}
