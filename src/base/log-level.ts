/** How much an event matters: what the command line shows and what a log file keeps. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

export interface Verbosity {
  /** Debug events too. */
  readonly verbose: boolean;
  /** Warnings and errors only. */
  readonly quiet: boolean;
}

/** Whether the command line shows an event of this level. */
export function isShown(level: LogLevel, { verbose, quiet }: Verbosity): boolean {
  if (level === 'debug') return verbose;
  return level !== 'info' || !quiet;
}
