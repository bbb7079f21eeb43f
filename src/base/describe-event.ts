/** The words for an event: what standard error shows of it. */
import type { LogEvent, LogLevel } from './log.ts';

const prefixes: Record<LogLevel, string> = {
  debug: 'walvault: debug: ',
  info: 'walvault: ',
  warn: 'walvault: WARNING: ',
  error: 'walvault: ERROR: ',
};

/** `walvault: WARNING: <message>`, then `HINT:  <hint>` if there is one; each line is ended. */
export function describeEvent(event: LogEvent): string {
  const hint = event.hint === undefined ? '' : `HINT:  ${event.hint}\n`;
  return `${prefixes[event.level]}${event.message}\n${hint}`;
}
