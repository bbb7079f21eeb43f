/** The refusal of a server whose WAL goes nowhere. */
import { WalvaultError } from '../base/errors/errors.ts';
import type { ServerState } from '../postgres/server/state.ts';

/**
 * Refuses a server that does not archive: without WAL no backup is ever complete, and the error must come now, not
 * after hours of waiting (P4). full_page_writes is not checked: a primary forces it while a backup runs, and a
 * standby refuses to start a backup when its primary has it off (do_pg_backup_start in xlog.c).
 */
export function requireArchiving(state: ServerState): void {
  if (state.walLevel === 'minimal') {
    throw new WalvaultError('postgres', 'wal_level is minimal: a backup could not be recovered', {
      hint: 'Set wal_level = replica in postgresql.conf and restart the server.',
    });
  }
  if (state.archiveMode === 'off') {
    throw new WalvaultError('postgres', "archive_mode is off: the backup's WAL would never arrive", {
      hint: "Set archive_mode = on and archive_command = 'walvault push %p' in postgresql.conf and restart the server.",
    });
  }
  if (state.archiveCommand === '' && state.archiveLibrary === '') {
    throw new WalvaultError('postgres', "archive_command is empty: the backup's WAL would never arrive", {
      hint: "Set archive_command = 'walvault push %p' in postgresql.conf and reload the server.",
    });
  }
}
