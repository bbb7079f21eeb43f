/** A failure in words: one line, one hint, and a stack trace only for those who debug walvault itself. */
import { visibleText } from '../visible-text.ts';
import { WalvaultError, messageOf } from './errors.ts';

/**
 * Lines for standard error: `walvault: <message>`, then `HINT:  <hint>` if there is one. With `isDebug` the chain of
 * causes follows, one line each, and the stack of anything that is not a `WalvaultError`.
 */
export function describeFailure(error: unknown, options: { isDebug: boolean }): string[] {
  const lines = [`walvault: ${headline(error)}`];
  if (error instanceof WalvaultError && error.hint !== undefined) lines.push(`HINT:  ${oneLine(error.hint)}`);
  if (!options.isDebug) return lines;
  const seen = new Set<unknown>([error]);
  for (let cause = causeOf(error); cause !== undefined && !seen.has(cause); cause = causeOf(cause)) {
    seen.add(cause);
    lines.push(`CAUSE: ${cause instanceof Error ? `${cause.name}: ` : ''}${oneLine(messageOf(cause))}`);
  }
  if (error instanceof Error && !(error instanceof WalvaultError) && error.stack !== undefined)
    lines.push(...error.stack.split('\n').slice(1).map(visibleText));
  return lines;
}

function headline(error: unknown): string {
  const message = oneLine(messageOf(error));
  return error instanceof WalvaultError ? message : `internal error: ${message}`;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** One line, because PostgreSQL's log and syslog give each line a prefix, and tear a longer message apart. */
function oneLine(text: string): string {
  return visibleText(text).trim();
}
