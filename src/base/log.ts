/**
 * What operations say while they work. They never print: they hand typed events to a `Log`, and whoever runs them
 * (the command line, the push/fetch edge, a test) renders them.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEvent {
  readonly level: LogLevel;
  readonly message: string;
  /** A full sentence: what the reader can do about it. */
  readonly hint?: string | undefined;
}

export interface Progress {
  /** What is being counted: `backup`, `restore`, `wal`… */
  readonly stage: string;
  readonly doneBytes: number;
  readonly totalBytes?: number | undefined;
  readonly doneFiles?: number | undefined;
}

export interface Log {
  event(event: LogEvent): void;
  progress?(progress: Progress): void;
}

export const silentLog: Log = { event: () => undefined };

export function info(log: Log, message: string): void {
  log.event({ level: 'info', message });
}

export function warn(log: Log, message: string, hint?: string): void {
  log.event({ level: 'warn', message, hint });
}
