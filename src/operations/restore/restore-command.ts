/** The restore_command that restore writes. Pure. */
import { shellWord } from '../../base/shell-word.ts';

export interface RestoreCommandOptions {
  /** The command that started this walvault: its executable, or an interpreter and a script. */
  readonly walvaultCommand: readonly string[];
  readonly configPath: string | undefined;
  /** The timeline to bind the recovery to; undefined for a standby, which follows a failover. */
  readonly timeline: number | undefined;
  readonly hasTarget: boolean;
}

/**
 * The text of the command. The shell runs it after PostgreSQL has replaced %f and %p (RestoreArchivedFile in
 * xlogarchive.c), so any other percent sign is doubled. `exec` replaces the shell by walvault: a shell that cannot
 * start a process exits 2 (dash), and a recovery takes that for the end of the archive.
 */
export function restoreCommandOf(options: RestoreCommandOptions): string {
  const { walvaultCommand, configPath, timeline, hasTarget } = options;
  const words = [
    'exec',
    ...walvaultCommand,
    'fetch',
    ...(configPath === undefined ? [] : ['--config', configPath]),
    ...(timeline === undefined ? [] : ['--timeline', String(timeline)]),
    ...(hasTarget ? ['--target-set'] : []),
  ];
  return `${words.map(shellWord).join(' ').replaceAll('%', '%%')} %f "%p"`;
}
