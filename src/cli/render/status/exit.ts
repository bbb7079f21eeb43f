/** The exit status of `status` for people and cron (docs/exit-codes.md). */
import { errorCodes } from '../../../base/errors/errors.ts';
import type { Status } from '../../../operations/status/result.ts';

/** Warnings do not fail. What is critical counts more than what is unknown; a warning hides neither. */
export function statusExit({ findings }: Pick<Status, 'findings'>): number {
  if (findings.some(({ level }) => level === 'critical')) return errorCodes['check-failed'];
  return findings.some(({ level }) => level === 'unknown') ? errorCodes.unreachable : 0;
}
