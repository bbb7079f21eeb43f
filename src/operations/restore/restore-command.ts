/** The restore_command that restore writes. Pure. */
import { shellWord } from '../../base/shell-word.ts';

export interface RestoreCommandOptions {
  /** The command that started this walvault: its executable, or an interpreter and a script. */
  readonly walvaultCommand: readonly string[];
  readonly configPath: string | undefined;
  /** The timeline to bind the recovery to; undefined for a standby, which follows a failover. */
  readonly timeline: number | undefined;
  readonly hasTarget: boolean;
  /** The moment at which this repository is to be read; undefined: all of them, as they are. */
  readonly past?: { readonly at: Date; readonly repository: string } | undefined;
}

/**
 * The text of the command. The shell runs it after PostgreSQL has replaced %f and %p (RestoreArchivedFile in
 * xlogarchive.c), so any other percent sign is doubled. `exec` replaces the shell by walvault: a shell that cannot
 * start a process exits 2 (dash), and a recovery takes that for the end of the archive.
 */
export function restoreCommandOf(options: RestoreCommandOptions): string {
  const { walvaultCommand, configPath, timeline, hasTarget, past } = options;
  const words = [
    'exec',
    ...walvaultCommand,
    'fetch',
    ...(configPath === undefined ? [] : ['--config', configPath]),
    ...(timeline === undefined ? [] : ['--timeline', String(timeline)]),
    ...(hasTarget ? ['--target-set'] : []),
    // Another repository may be unable to tell its past, and could prove no end of the archive.
    ...(past === undefined
      ? []
      : ['--repository', past.repository, '--repository-time', past.at.toISOString()]),
  ];
  return `${words.map(shellWord).join(' ').replaceAll('%', '%%')} %f "%p"`;
}
