/** Options that take a timeline. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { TimelineChoice } from '../../operations/restore/request.ts';

/** @throws WalvaultError `usage` for text that is not a decimal number */
export function parseTimeline(
  text: string | undefined,
  { option, takes = 'a number' }: { readonly option: string; readonly takes?: string },
): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new WalvaultError('usage', `${option} takes ${takes}, not "${text}"`, {
    hint: 'A timeline is the first 8 hex digits of a segment name, written as a decimal number.',
  });
}

/** `current`, `latest` or a number, as PostgreSQL takes them for recovery_target_timeline. @throws WalvaultError `usage` */
export function parseTargetTimeline(text: string | undefined): TimelineChoice | undefined {
  if (text === 'current' || text === 'latest') return text;
  return parseTimeline(text, { option: '--target-timeline', takes: 'a number, "current" or "latest"' });
}
