/** The rules that count backups from the newest on: `keep-last` and `minimum-backups`. Pure. */
import { supersedes } from '../../../repository/trust.ts';
import type { KnownBackup } from '../state.ts';
import type { Mark } from './mark.ts';

/** Keeps a backup unless `count` others are newer, both by position and by the store's clock. */
export function keepLast(backups: readonly KnownBackup[], count: number): Mark[] {
  return newest(backups, count).map(backup => ({
    backup,
    code: 'keep-last',
    text: `among the newest ${count}`,
  }));
}

export function minimumBackups(backups: readonly KnownBackup[], count: number): Mark[] {
  return newest(backups, count).map(backup => ({
    backup,
    code: 'minimum',
    text: `at least ${count} must stay`,
  }));
}

function newest(backups: readonly KnownBackup[], count: number): KnownBackup[] {
  return backups.filter(backup => backups.filter(other => supersedes(other, backup)).length < count);
}
