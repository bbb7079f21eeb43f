/** The restore_command that restore writes. Pure. */

export interface RestoreCommandOptions {
  /** How this walvault was started: its executable, or an interpreter and a script. */
  readonly walvaultCommand: readonly string[];
  readonly configPath: string | undefined;
  readonly timeline: number;
  readonly hasTarget: boolean;
}

/**
 * Run by the shell, after PostgreSQL has put file and path in place of %f and %p (RestoreArchivedFile in
 * xlogarchive.c), so a percent sign of ours is doubled.
 */
export function restoreCommandOf(options: RestoreCommandOptions): string {
  const { walvaultCommand, configPath, timeline, hasTarget } = options;
  const words = [
    ...walvaultCommand,
    'fetch',
    ...(configPath === undefined ? [] : ['--config', configPath]),
    '--timeline',
    String(timeline),
    ...(hasTarget ? ['--target-set'] : []),
  ];
  return `${words.map(quoteWord).join(' ').replaceAll('%', '%%')} %f "%p"`;
}

export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_/.:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
