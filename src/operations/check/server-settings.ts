/** The findings on the settings of the server: those that archiving and backups depend on. Pure. */
import { defaultConfigPath } from '../../config/index.ts';
import type { ServerState } from '../../postgres/server/state.ts';
import { judgeArchiveCommand } from './archive-command.ts';
import { failure, ok, skipped, warning, type Finding } from './checklist.ts';

export function judgeSettings(state: ServerState, configPath: string | undefined): Finding[] {
  const restart = 'and restart the server';
  return [
    state.walLevel === 'minimal'
      ? failure(
          'wal_level is minimal: the WAL is not enough to recover',
          `Set wal_level = replica ${restart}.`,
        )
      : ok(`wal_level is ${state.walLevel}`),
    archiveModeFinding(state, restart),
    commandFinding(state, configPath),
    state.fullPageWrites
      ? ok('full_page_writes is on')
      : warning(
          'full_page_writes is off',
          'A crash may leave torn pages that recovery cannot mend: set it on.',
        ),
    state.archiveTimeoutSeconds === 0
      ? warning(
          'archive_timeout is 0: a quiet server may hold its last transactions back for any length of time',
          'Set archive_timeout = 60s: it bounds what the loss of this host can lose.',
        )
      : ok(`archive_timeout is ${state.archiveTimeoutSeconds} s`),
    ...(state.showsConfigurationFiles
      ? []
      : [
          warning(
            'this user may not see where the configuration files are: a backup lacks those outside the data directory',
            'Grant it membership in pg_read_all_settings, or in pg_monitor, which includes it.',
          ),
        ]),
  ];
}

function archiveModeFinding({ archiveMode, isStandby }: ServerState, restart: string): Finding {
  if (archiveMode !== 'off') return ok(`archive_mode is ${archiveMode}`);
  const hint = `Set archive_mode = on ${restart}.`;
  // The primary archives a standby's WAL, until it is promoted.
  return isStandby
    ? warning('archive_mode is off: after a promotion nothing would be archived', hint)
    : failure('archive_mode is off: nothing is archived', hint);
}

function commandFinding(state: ServerState, configPath: string | undefined): Finding {
  if (state.archiveLibrary !== '')
    return failure(
      `archive_library is "${state.archiveLibrary}": the server uses it instead of archive_command`,
      "Set archive_library = '' and reload the server.",
    );
  // Whatever the file says: see state.ts.
  if (state.archiveMode === 'off' && state.archiveCommand === '')
    return skipped('archive_command cannot be looked at: the server shows none while archive_mode is off');
  return judgeArchiveCommand({ command: state.archiveCommand, configPath, defaultConfigPath });
}
