/** The restore_command that restore writes. Pure. */
import { shellWord } from '../../base/shell-word.ts';

export interface RestoreCommandOptions {
  /** How this walvault was started: its executable, or an interpreter and a script. */
  readonly walvaultCommand: readonly string[];
  readonly configPath: string | undefined;
  readonly timeline: number;
  readonly hasTarget: boolean;
}

/**
 * Run by the shell, after PostgreSQL has put file and path in place of %f and %p (RestoreArchivedFile in
 * xlogarchive.c), so a percent sign of ours is doubled. With `exec` the shell becomes walvault instead of starting it: a
 * shell that can start no process exits with 2 (dash), which a recovery takes for the end of the archive.
 */
export function restoreCommandOf(options: RestoreCommandOptions): string {
  const { walvaultCommand, configPath, timeline, hasTarget } = options;
  const words = [
    'exec',
    ...walvaultCommand,
    'fetch',
    ...(configPath === undefined ? [] : ['--config', configPath]),
    '--timeline',
    String(timeline),
    ...(hasTarget ? ['--target-set'] : []),
  ];
  return `${words.map(shellWord).join(' ').replaceAll('%', '%%')} %f "%p"`;
}
